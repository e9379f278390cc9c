// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_WINOGRAD_SCORER_HPP
#define OPENCV_SEMCORR_WINOGRAD_SCORER_HPP

#include "windowed_scorer.hpp"

namespace cv { namespace semcorr {

// Exact scores. A hidden tile is one of Winograd's F(2×2, 3×3) over grid 2: WINDOW_TILE points.
struct WinogradTask
{
    WindowTask common;
    const float* hiddenWeights;  // {orientations, WINDOW_TILE points, WINDOW_TAPS of grid 1, WINDOW_CHANNELS}
    const float* hiddenBias;     // {orientations, WINDOW_CHANNELS}
    const float* outWeights;     // {orientations, WINDOW_TAPS of grid 1, WINDOW_TAPS of grid 2, WINDOW_CHANNELS}
};

// Empty if the net is of another shape. `correlation` is kept by reference.
Ptr<PairScorer> createWinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory);

}}

#endif
