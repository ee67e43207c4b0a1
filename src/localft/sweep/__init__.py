"""One recipe trained with several settings, and compared by the loss on the validation file.

`grid` says which settings, `trials` plans one training for each, `running` trains them one after another or one on each
GPU, `report` reads what came out, `picture` draws it.
"""
