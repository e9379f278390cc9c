// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_RANDOM_HPP
#define SEMCORR_TRAIN_RANDOM_HPP

#include <cstdint>
#include <initializer_list>

#include "opencv2/core.hpp"

namespace train {

// A seed made of numbers (splitmix64's mixer), so that every random decision depends on what it is for, such as seed, step and
// pair, and not on how many were made before: order, resuming and the number of processes do not change it.
inline uint64_t mixSeed(std::initializer_list<uint64_t> numbers)
{
    uint64_t state = 0;
    for (const uint64_t number : numbers)
    {
        uint64_t z = (state ^ number) + 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        state = z ^ (z >> 31);
    }
    return state;
}

// What the random numbers are for
enum RandomStream { RANDOM_VERSION = 1, RANDOM_BATCH = 2, RANDOM_DROPOUT = 3, RANDOM_START = 4 };

// exp(uniform(-range, range)): a factor, its inverse being as likely
inline double randomFactor(cv::RNG& rng, double range)
{
    return std::exp(rng.uniform(-range, range));
}

}

#endif
