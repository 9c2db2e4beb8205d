"""Adam with work before its update: gradient limits and guards against spikes."""
