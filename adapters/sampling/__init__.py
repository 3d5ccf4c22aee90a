"""Common parts of demand sources that sample one number of a pool several times a minute."""
