"""Whole worlds from one number each: lists, faults, kills and the clock, as FoundationDB does it.

make simulate SEEDS=1000
"""
