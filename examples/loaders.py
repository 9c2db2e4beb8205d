"""A linear classifier whose batches come from data-loader processes."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, part):
        data, target = load_digits(return_X_y=True)
        self.images = torch.tensor(data[part], dtype=torch.float32) / 16
        self.labels = torch.tensor(target[part])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def accuracy(model, loader):
    hits = total = 0
    for images, labels in loader:
        hits += (model(images).argmax(dim=1) == labels).sum().item()
        total += len(labels)
    return 100 * hits / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    options = {"num_workers": args.workers, "persistent_workers": args.workers > 0}
    train = DataLoader(Digits(slice(0, 1400)), batch_size=64, shuffle=True, **options)
    validation = DataLoader(Digits(slice(1400, None)), batch_size=400, **options)
    model = torch.nn.Linear(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(3):
        for images, labels in train:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        print(f"epoch {epoch}: validation {accuracy(model, validation):.1f}%")


if __name__ == "__main__":
    main()
