"""What a benchmark is held to: it ends with 1 when one of its goals is missed."""
import sys

missed = []


def hold(what, figure, limit, unit, at_least=False):
    """Prints the figure beside its goal. One that is not a number is missed."""
    held = figure >= limit if at_least else figure <= limit
    if not held:
        missed.append(what)
    print(f"{'held  ' if held else 'MISSED'}  {what}: {figure:.2f} {unit}, goal {'at least' if at_least else 'at most'} {limit:g} {unit}", flush=True)


def end():
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")
