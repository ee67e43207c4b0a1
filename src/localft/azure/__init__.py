"""Azure ML: the same recipe on rented machines.

launch.py     who starts which process: accelerate on each node, or the platform one for each GPU
job.py        the command job of a recipe, as the mapping that job.yml holds
files.py      what a job uploads: the code folder, and the build context of the image in environment/
job_file.py   a job file as it stands: its values, its lines, and what is said about it
command.py    a job's command as the shell takes it apart, and the trainings in it
addresses.py  what Azure resolves: addresses of data, environments, names
checks.py     what is wrong with a job file that Azure's own client does not see
sweeps.py     what is wrong with how a sweep searches
data.py       local data, looked at before it is sent
training.py   what the job would train, by the rules of recipes
notes.py      what is no mistake in a job and may surprise
client.py     Azure's own client: load_job, and the submission
model.py      a finished run as a model asset
"""
