"""Optimizers of classes that nobody knows."""

import torch


class Signs(torch.optim.Optimizer):
    """Of every element by itself, with a count in the group and without `step` in its state."""

    def __init__(self, params, lr=0.01, memory=0.9):
        super().__init__(params, {"lr": lr, "memory": memory})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            group["count"] = group.get("count", 0) + 1
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["memory"])
                p.sub_(group["lr"] / group["count"] * mean.sign())
                p.grad.zero_()  # some use the gradient's memory


class Coupled(torch.optim.Optimizer):
    """Divides by the norm of the whole gradient; keeps the weights that it averages."""

    def __init__(self, params, lr=0.01):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                average = state.setdefault("average", p.clone())
                square = state.setdefault("sizes", torch.zeros_like(p))
                square.lerp_(p.grad.square(), 0.1)
                p.sub_(group["lr"] * p.grad / p.grad.norm())
                average.lerp_(p, 0.01)


class Whole(Coupled):
    """Keeps a matrix that has nothing to do with its parameter's shape."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["basis"] = torch.eye(7)


class Queued(Signs):
    """Keeps gradients in a list."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].setdefault("queue", []).append(p.grad.clone())


class Projection:
    """What an optimizer may keep of a parameter in an object of its own."""

    def __init__(self, matrix):
        self.matrix = matrix


class Projected(Signs):
    """Keeps a matrix in an object."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["projection"] = Projection(torch.eye(len(p)))
