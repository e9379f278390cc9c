// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_ROUNDED_SCORER_HPP
#define OPENCV_SEMCORR_ROUNDED_SCORER_HPP

#include "rounded_features.hpp"
#include "windowed_scorer.hpp"

namespace cv { namespace semcorr {

// The 81 products of a hidden activation are added up in words of four. Four source cells with the same target cell make a word, for
// eight of the nine source cells of a kernel; three target cells beside each other and a zero make one for the last source cell.
enum
{
    PER_WORD = 4,
    INTERLEAVED = 2,   // words of source cells for each of the nine target cells
    ROW_WORDS = 3,     // of the last source cell
    KERNEL_WORDS = INTERLEAVED * WINDOW_TAPS + ROW_WORDS
};

// Scores from features, correlations, weights and hidden activations that are all rounded to 8 bits. They differ from the exact ones
// by about a hundredth of what scores differ by among themselves, which tells the few blocks that are worth an exact score.
//
// A correlation c is the byte 128 + 127·c / range. A channel's hidden activations are bytes of which 255 is the most that they can be
// if no correlation is negative.
struct RoundedTask
{
    WindowTask common;
    int words;                    // of a cell's features
    const int* words1;            // {cells of grid 1, words}
    const int* bias1;             // {cells of grid 1}
    const int* words2;            // {groups, words, GROUP}, bytes larger by 128
    float unit, range;            // correlation of a product 1, and the largest one
    const schar* hiddenWeights;   // {orientations, KERNEL_WORDS, WINDOW_CHANNELS, PER_WORD}
    const float* hiddenScale;     // {orientations, WINDOW_CHANNELS} bytes of an activation = sum · scale + shift
    const float* hiddenShift;
    const schar* outWeights;      // {orientations, WINDOW_TAPS of grid 1, 2×2 tiles, BLOCK, WINDOW_SITES, WINDOW_CHANNELS}
    float outScale;               // score of a sum of products of bytes
};

// Whether the net is of the right shape, the processor multiplies bytes faster than floats, and there are so many source cells that
// something can be said of how rounded scores are distributed
bool roundsScores(const ConsensusNet& net, const Size& grid1);

// For nets that roundsScores. `features`, of bytes, and `correlation` of them are kept by reference; its workspace is roundedBytes and
// up to `memory`.
Ptr<PairScorer> createRoundedScorer(const RoundedPair& features, const LazyCorrelation& correlation, const ConsensusNet& net,
                                    size_t memory);
size_t roundedBytes(const CorrelationView& v);

}}

#endif
