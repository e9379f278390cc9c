// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PERF_PRECOMP_HPP
#define OPENCV_SEMCORR_PERF_PRECOMP_HPP

#include "opencv2/ts.hpp"
#include "opencv2/semcorr.hpp"

namespace opencv_test {

using namespace perf;
using namespace semcorr;

// CV_32F of any shape, uniform in [low, high)
inline Mat randomFloats(const std::vector<int>& shape, double low = -1, double high = 1)
{
    Mat m((int)shape.size(), &shape[0], CV_32F);
    Mat flat = m.reshape(1, 1);
    randu(flat, low, high);
    return m;
}

// side × side cells of unit length
inline Mat randomFeatures(int side, int channels)
{
    Mat f = randomFloats({ side, side, channels });
    normalizeFeatures(f, f);
    return f;
}

// A preset with small random weights
inline Ptr<ConsensusNet> randomNet(int preset)
{
    const Ptr<ConsensusNet> net = ConsensusNet::createPreset(preset);
    std::vector<Mat> weights, biases;
    for (int i = 0; i < net->getBlockCount(); i++)
    {
        net->getBlock(i, weights, biases);
        for (size_t j = 0; j < weights.size(); j++)
        {
            Mat flat = weights[j].reshape(1, 1);
            randu(flat, -0.05, 0.06);
        }
        net->setBlock(i, weights, biases);
    }
    return net;
}

}

#endif
