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
    PAIR_BLOCK = 8,      // channels that go through the first layer together
    PAIR_CELLS = 32      // what is read from a stream begins at multiples of this
};

// Where a sweep's planes come from and go to, if those are not stored volumes. Its units are run by several threads at a time.
class PairStream
{
public:
    virtual ~PairStream() {}
    // Before all others
    virtual void prepare(int units) = 0;
    // The unit will write the planes of cells `source` of grid 1, row by row, and of each its cells `cells` of grid 2
    virtual void begin(int unit, const Rect& source, const Range& cells) = 0;
    // src {columns, step}: cells `cells`, which start at a multiple of PAIR_CELLS, of some planes of row y of grid 1
    virtual void read(int y, const Range& columns, const Range& cells, float* src, size_t step) const = 0;
    // plane: the cells that were announced, in order
    virtual void write(int unit, const Point& cell1, const float* plane) = 0;
};

// One call of Conv4dPair::apply as its kernel sees it. Each B plane (the cells of grid 2 at one cell of grid 1) is cut into
// tilesY × tilesX tiles of 4×4 cells, and vectors run along tiles, through all planes of a row of grid 1.
// Work units: (part of a plane's rows of tiles, of the rows of grid 1, of its columns), the last fastest.
struct Conv4dPairTask
{
    Vec4i grids;
    int channels;
    int margin;                 // hidden cells around the grids: 0 with PADDING_LAYER, 1 with PADDING_INPUT
    const float* src;           // {grids}; null with a stream
    float* dst;                 // {grids}; likewise
    PairStream* stream;
    const float* firstWeights;  // {36, 9 taps in grid 1, PAIR_CHANNELS}
    const float* firstBias;     // {36, PAIR_CHANNELS}
    const float* secondWeights; // {36, kw1, channels, kh1}
    float secondBias, residual;
    bool relu, accumulate;

    Vec3i parts;                // into which the rows of tiles, rows of grid 1 and columns of grid 1 are cut
    int tilesY, tilesX;         // of a whole B plane's hidden cells
    int plane, columns;         // most tiles of a unit's B plane, most hidden columns of a unit
    int back, ahead;            // tiles before and after one that it needs the hidden cells of
    size_t cellStep;            // floats of a unit's part of a plane of the stream; 0 without
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

    // dst [+]= second(ReLU(first(src))), then ReLU if `relu` (before the sum), + residual · src. src and dst {h1, w1, h2, w2, 1},
    // apart. Hidden cells outside the grids are zero (PADDING_LAYER), or come from the zero-padded input (PADDING_INPUT).
    // Bit-identical for any number of threads.
    void apply(const Mat& src, int padding, Mat& dst, bool relu, bool accumulate, double residual) const;
    // The same values, from plane to plane
    void apply(const Vec4i& grids, int padding, bool relu, double residual, PairStream& stream) const;
    // Upper bound of the scratch memory of one apply() with C = channels, in bytes; parts: see Conv4dPairTask
    static size_t scratchBytes(const Vec4i& grids, int padding, int channels, int threads, bool streamed, Vec3i* parts);

private:
    void run(Conv4dPairTask& task, bool relu, double residual) const;

    int channels;
    Mat firstWeights, firstBias, secondWeights;
    float secondBias;
};

}}

#endif
