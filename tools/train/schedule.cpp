// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "schedule.hpp"

#include <algorithm>
#include <cmath>

namespace train {

// From a to b as t goes from 0 to 1
static double cosine(double a, double b, double t)
{
    return b + (a - b) * (1 + std::cos(3.14159265358979323846 * t)) / 2;
}

double oneCycle(int step, int steps, double warmUp)
{
    const double start = 1. / 25, end = start / 1e4;
    const double top = std::max(warmUp * steps - 1, 1e-9), last = std::max(steps - 1., top + 1e-9);
    return step <= top ? cosine(start, 1, step / top) : cosine(1, end, (step - top) / (last - top));
}

}
