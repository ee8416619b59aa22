"""Side-by-side runs against others, each claim a ratio from one run; ``python3 dev.py bench`` runs them."""
