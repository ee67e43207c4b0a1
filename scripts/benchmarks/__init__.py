"""Measures localft beside plain TRL and a bare training loop, all on the same rows and the same model.

    row_sets       what is trained on: chats of several shapes, made by a seed; the shapes of the models
    workspace      what one comparison shares: model, rows as localft tokenises them, plan, the held-out loss
    contenders     who is compared; each trains in a process of its own
    bare_loop      the contender without any framework: what the hardware gives when nothing stands in between
    measuring      seconds of steps, peak memory, the matrix products' rate, the work that cannot be avoided
    page           the figures as a table and as JSON, and what they are held against
    __main__       the order of runs

`scripts/bench` prepares the environment and starts it.
"""
