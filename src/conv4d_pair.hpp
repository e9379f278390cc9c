// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_CONV4D_PAIR_HPP
#define OPENCV_SEMCORR_CONV4D_PAIR_HPP

#include "conv4d.hpp"

namespace cv { namespace semcorr {

enum
{
    PAIR_CHANNELS = 16,  // most channels between the two layers
    PAIR_TILE = 4,       // outputs of a Winograd tile, per dimension of grid 2
    PAIR_SIDE = 6,       // its transformed values, per dimension
    PAIR_VALUES = PAIR_SIDE * PAIR_SIDE,
    PAIR_PHASES = PAIR_TILE * PAIR_TILE,
    PAIR_CHUNK = 96,     // tiles that go through both layers together; whole tile products in every instruction set
    PAIR_INPUTS = PAIR_VALUES * (PAIR_CHANNELS * PAIR_CHUNK + 16), // floats; not in steps of a power of 2, which caches dislike
    PAIR_MASKS = PAIR_PHASES + 6,
    PAIR_BLOCK = 8       // channels that go through the first layer together
};

// One call of Conv4dPair::apply as its kernel sees it. Each B plane (the cells of grid 2 at one cell of grid 1) is cut into
// tilesY × tilesX tiles of 4×4 cells, and vectors run along tiles, through all planes of a row of grid 1.
// Work units: (part of a plane's rows of tiles, of the rows of grid 1, of its columns), the last fastest.
struct Conv4dPairTask
{
    Vec4i grids;
    int channels;
    int margin;                 // hidden cells around the grids: 0 with PADDING_LAYER, 1 with PADDING_INPUT
    const float* src;           // {grids}
    float* dst;                 // {grids}
    const float* firstWeights;  // {36, 9 taps in grid 1, PAIR_CHANNELS}
    const float* firstBias;     // {36, PAIR_CHANNELS}
    const float* secondWeights; // {36, kw1, channels, kh1}
    float secondBias;
    bool relu, accumulate;

    Vec3i parts;                // into which the rows of tiles, rows of grid 1 and columns of grid 1 are cut
    int tilesY, tilesX;         // of a whole B plane's hidden cells
    int plane, columns;         // most tiles of a unit's B plane, most hidden columns of a unit
    int back, ahead;            // tiles before and after one that it needs the hidden cells of
    bool cutTiles;              // whether hidden cells of some tiles are outside the grid and must be zero
    size_t inputStep, outputStep, hiddenStep, rowsStep, maskStep;  // floats, see PairSweep
    size_t scratch;             // floats per thread
};

// Two layers 1 → C → 1 with 3⁴ kernels and a ReLU between them, in one sweep over grid 1. The hidden volume is never
// stored: Winograd's F(4×4, 3×3) over grid 2, nine direct taps over grid 1.
class Conv4dPair
{
public:
    static bool fits(const Conv4dLayer& first, const Conv4dLayer& second);
    Conv4dPair(const Conv4dLayer& first, const Conv4dLayer& second);

    // dst [+]= second(ReLU(first(src))), then ReLU if `relu` (before the sum). src and dst {h1, w1, h2, w2, 1}, apart.
    // Hidden cells outside the grids are zero (PADDING_LAYER), or come from the zero-padded input (PADDING_INPUT).
    // Bit-identical for any number of threads.
    void apply(const Mat& src, int padding, Mat& dst, bool relu, bool accumulate) const;
    // Upper bound of the scratch memory of one apply() with C = channels, in bytes
    static size_t scratchBytes(const Vec4i& grids, int padding, int channels, int threads);

private:
    int channels;
    Mat firstWeights, firstBias, secondWeights;
    float secondBias;
};

}}

#endif
