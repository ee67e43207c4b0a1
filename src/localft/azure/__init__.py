"""Azure ML: the same recipe on rented machines.

launch.py     who starts which process: accelerate on each node, or the platform one for each GPU
job.py        the command job of a recipe, as the mapping that job.yml holds
files.py      what a job uploads: the code folder, and the build context of the image in environment/
job_file.py   a job file as it stands: its values, its lines, and what is said about it
command.py    the `localft train` in a job's command, read back
addresses.py  what Azure resolves: addresses of data, environments, names
checks.py     what is wrong with a job file that Azure's own client does not see
training.py   what the job would train, by the rules of recipes
client.py     Azure's own client: load_job, and the submission
model.py      a finished run as a model asset
"""
