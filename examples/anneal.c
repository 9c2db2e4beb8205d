/* Minimise a function of two variables by simulated annealing; print the error every 200 steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double rastrigin(double x, double y)
{
    const double turn = 2 * acos(-1.0);
    return 20 + x * x + y * y - 10 * (cos(turn * x) + cos(turn * y));
}

static double drawn(double from, double to)
{
    return from + (to - from) * rand() / RAND_MAX;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s cooling step seed\n", argv[0]);
        return 2;
    }
    double cooling = atof(argv[1]), step = atof(argv[2]), heat = 10;
    srand(atoi(argv[3]));
    double x = drawn(-5, 5), y = drawn(-5, 5), now = rastrigin(x, y), best = now;
    for (int n = 1; n <= 2000; n++, heat *= cooling) {
        double a = x + drawn(-step, step), b = y + drawn(-step, step), next = rastrigin(a, b);
        if (next < now || drawn(0, 1) < exp((now - next) / heat))
            x = a, y = b, now = next;
        if (now < best)
            best = now;
        if (n % 200 == 0)
            printf("%d/2000 steps, best %g\n", n, best);
    }
    return 0;
}
