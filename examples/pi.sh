#!/bin/sh
# Estimate pi from random points: usage pi.sh points seed
awk -v points="$1" -v seed="$2" 'BEGIN {
    srand(seed)
    for (n = 1; n <= points; n++) {
        x = rand(); y = rand()
        hits += x * x + y * y < 1
    }
    pi = 4 * hits / points
    error = pi - 3.14159265358979
    printf "pi is about %.5f, error %.5f\n", pi, error < 0 ? -error : error
}'
