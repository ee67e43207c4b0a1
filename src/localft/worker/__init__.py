"""The queue at work: claims jobs of the store, trains each in a process of its own, watches it, and carries out wishes.

worker.py     the loop; start reading here
child.py      the process of one job: started, adopted, told to stop
verdict.py    what the end of a process means for its job
processes.py  telling processes apart, also from one that has the same number later
gate.py       what the process runs first: it waits until it is known to the store
lock.py       one worker for a store
webhooks.py   tells of jobs that have ended

A worker that dies leaves its processes training. The next one adopts those that live and puts the others back into the queue,
where they go on from their last checkpoint.
"""
