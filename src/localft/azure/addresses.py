"""What Azure resolves: addresses of data and models, environments, and the names of clusters and experiments.

Azure's own client takes any text for these, and the service refuses it when the job has been sent.
"""

from __future__ import annotations

import re

_ASSET = r"azureml:[\w.-]+(?::[^:/@\s]+|@latest)"
_URL = (
    r"azureml://(?:subscriptions|jobs|registries|locations|resource[gG]roups|models|data|environments)/\S.*/\S.*"
    r"|azureml://datastores/[^/\s]+/paths/\S.*"
)
_STORED = r"azureml://(?:subscriptions/\S+/workspaces/[^/\s]+/)?datastores/[^/\s]+/paths/\S.*"
OUTPUT_PATH = "azureml://datastores/${{default_datastore}}/paths/localft/${{name}}"
"""Where Azure keeps the run directory: by the job's name, so that a job that is started again finds its own."""
_STORES = {
    "https": "https://HOST/PATH",
    "http": "http://HOST/PATH",
    "abfss": "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH",
    "abfs": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH",
    "wasbs": "wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH",
    "wasb": "wasb://CONTAINER@ACCOUNT.blob.core.windows.net/PATH",
    "adl": "adl://ACCOUNT.azuredatalakestore.net/PATH",
}
_AZURES_OWN = (
    "azureml:NAME:VERSION, azureml:NAME@latest, azureml://datastores/STORE/paths/PATH or another azureml:// address"
)
_OTHERS = ", ".join(_STORES[scheme] for scheme in ("https", "abfss", "wasbs"))


def is_cloud_path(path: str) -> bool:
    """Whether a path begins as an address does: azureml:NAME:1, https://..., s3://... Not each is one that Azure reads."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path) is not None


def data_problem(address: str) -> str | None:
    """Why Azure cannot read what stands at an address; None where it may."""
    scheme = address.partition(":")[0].lower()
    if re.fullmatch(f"{_ASSET}|{_URL}|azureml:/subscriptions/.+", address) or _is_stored(scheme, address):
        return None
    if scheme == "azureml":
        return f"expected {_AZURES_OWN}, found {address}; add the version or label of the asset, or mend the address."
    if scheme in _STORES:
        return f"expected {_STORES[scheme]}, found {address}; complete the address."
    return (
        f"expected a local path, {_AZURES_OWN}, or {_OTHERS}, found {address}, which Azure cannot read as an input of a job; "
        "copy the data to one of these, such as a data asset by `az ml data create`."
    )


def output_problem(address: str) -> str | None:
    """Why Azure cannot keep an output at an address; None where it may."""
    known = re.sub(r"\$\{\{\s*(?:name|default_datastore)\s*\}\}", "x", address)
    if re.fullmatch(_STORED, known) and "${{" not in known:
        return None
    return (
        f"expected a place in Azure's storage, found {address}; write azureml://datastores/STORE/paths/PATH, in which Azure "
        f"knows ${{{{default_datastore}}}} and ${{{{name}}}}, such as {OUTPUT_PATH}, or remove it for Azure's default place."
    )


def _is_stored(scheme: str, address: str) -> bool:
    container = r"[^/@\s]+@" if scheme in ("abfss", "abfs", "wasbs", "wasb") else ""
    return scheme in _STORES and re.fullmatch(rf"\w+://{container}[^/@\s]+\.?[^/@\s]*/\S.*", address) is not None


def environment_problem(environment: str) -> str | None:
    """Why an environment is none that is registered; None where it may be."""
    if re.fullmatch(
        rf"{_ASSET}|azureml://registries/[^/\s]+/environments/[^/\s]+/(?:versions|labels)/\S+|azureml:/subscriptions/.+",
        environment,
    ):
        return None
    return (
        "expected azureml:NAME:VERSION, azureml:NAME@latest or azureml://registries/REGISTRY/environments/NAME/versions/VERSION, "
        f"found {environment}; name an environment that `az ml environment list` has, or make the job without --environment for "
        "localft's own image."
    )


def compute_problem(compute: str) -> str | None:
    """Why a cluster cannot be called so; None where it may. A resource id is left to Azure."""
    name = compute.removeprefix("azureml:")
    if compute == "local":
        return "expected a cluster, found local, by which Azure's client would start the job in this machine's Docker; name one."
    if re.fullmatch(r"/subscriptions/\S+|[A-Za-z0-9][A-Za-z0-9_-]*", name):
        return None
    return f"expected the name of a cluster, of letters, digits, dashes and underscores, found {name}; see `az ml compute list`."


def name_problem(name: str) -> str | None:
    """Why a job or an experiment cannot be called so; None where it may."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", name):
        return None
    return (
        "expected a name that begins with a letter or digit and goes on with up to 254 letters, digits, dashes and underscores, "
        f"found {name}; choose such a one."
    )
