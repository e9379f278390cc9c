// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_TEST_SMOOTH_FEATURES_HPP
#define OPENCV_SEMCORR_TEST_SMOOTH_FEATURES_HPP

#include "opencv2/semcorr.hpp"

namespace opencv_test {

using namespace cv;

// A smooth field of features, turned by `angle`: side × side cells of unit length. Calls with the same seed see the same field, each
// with noise of its own in [-noise, noise): like two pictures. `details` × details independent places.
inline Mat smoothField(int side, int channels, double angle, uint64 seed, int details, double noise)
{
    const int shape[] = { side, side, channels };
    Mat base(details, details * channels, CV_32F), f(3, shape, CV_32F), flat = f.reshape(1, 1);
    randu(flat, -noise, noise);
    RNG(seed).fill(base, RNG::NORMAL, 0, 1);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
        {
            const double u = (x + 0.5) / side - 0.5, v = (y + 0.5) / side - 0.5;
            const double bx = (0.7 * (u * std::cos(angle) - v * std::sin(angle)) + 0.5) * (details - 1);
            const double by = (0.7 * (u * std::sin(angle) + v * std::cos(angle)) + 0.5) * (details - 1);
            const int x0 = (int)bx, y0 = (int)by;
            float* cell = f.ptr<float>(y, x);
            for (int i = 0; i < 4; i++)
            {
                const float w = (float)((i % 2 ? bx - x0 : x0 + 1 - bx) * (i / 2 ? by - y0 : y0 + 1 - by));
                const float* from = base.ptr<float>(y0 + i / 2) + (size_t)(x0 + i % 2) * channels;
                for (int c = 0; c < channels; c++)
                    cell[c] += w * from[c];
            }
        }
    semcorr::normalizeFeatures(f, f);
    return f;
}

}

#endif
