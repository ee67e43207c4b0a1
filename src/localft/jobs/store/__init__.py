"""The store of the service: everything that stands before a run and behind it, in one SQLite database and a few directories.

    LOCALFT_HOME/
      localft.db             files, uploads, jobs, events, deployments, webhooks (migrations.py has the tables)
      files/<file id>        content of an uploaded file; the client's name for it is data only
      uploads/<part id>      parts of an upload that is not complete
      jobs/<job id>/         run directory, as `localft train --output-dir` writes it
      jobs/<job id>.*        recipe, log and last words of its process

While a job runs, its run directory is the truth, and what it says is taken over into the database again and again; each
take-over is one transaction, so that it can be cut anywhere and repeated.

Several processes use a store at once. Each state change is one guarded transaction, and a file is on the disk before the
row that names it.
"""

from localft.jobs.store.deployments import Deployment
from localft.jobs.store.files import FileWriter
from localft.jobs.store.idempotency import Idempotency
from localft.jobs.store.jobs import MAX_QUEUED_JOBS
from localft.jobs.store.models import ServableModel
from localft.jobs.store.objects import FileObject, UploadObject, UploadPart
from localft.jobs.store.paging import Page
from localft.jobs.store.requests import JobRequest
from localft.jobs.store.rows import StoredJob
from localft.jobs.store.store import Store

__all__ = [
    "MAX_QUEUED_JOBS",
    "Deployment",
    "FileObject",
    "FileWriter",
    "Idempotency",
    "JobRequest",
    "Page",
    "ServableModel",
    "Store",
    "StoredJob",
    "UploadObject",
    "UploadPart",
]
