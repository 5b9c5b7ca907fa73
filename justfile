# Lists the recipes.
_default:
    @just --list --unsorted
