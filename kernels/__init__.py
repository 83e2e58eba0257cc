"""Compiled inner loops. Arrays in, arrays filled, an integer status out: no allocation, no raising, no globals."""
