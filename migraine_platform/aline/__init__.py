"""ALINE: amortised inference and the choice of questions; one network gives posteriors and the next query.

Begin with `network.network`, and `advice.interview`, which asks one patient. The groups, each of which imports only
from those before it:

    tasks       what is learned: episodes to learn from, questions to ask, truths to be right about
    network     the network and the posteriors that it states
    policies    rules that choose the next question: the learned one, and those it has to beat
    training    objectives, seeded training that a kill does not disturb, checkpoints
    scoring     what a checkpoint is worth, and whether it may be used
    advice      the questions to ask a patient, and what the answers mean

Does not belong here: tasks that no asset or command uses (research/).
"""
