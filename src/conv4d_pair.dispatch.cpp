// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "conv4d_pair.hpp"

#include "conv4d_pair.simd.hpp"
#include "conv4d_pair.simd_declarations.hpp"

namespace cv { namespace semcorr {

// Rings of transformed planes of one thread should stay within this: its share of a third-level cache that others use, too
static const double RING_BYTES = 6e6;
// The transformed planes of 3×3 cells of grid 1, input and output, should fit a second-level cache of 1–2 MB
static const int PLANE_TILES = 450;
// Below this many tiles of hidden cells the work is not shared among threads
static const double MIN_PARALLEL_TILES = 100;

bool Conv4dPair::fits(const Conv4dLayer& first, const Conv4dLayer& second)
{
    const Vec4i k3(3, 3, 3, 3);
    return first.inChannels() == 1 && first.outChannels() <= PAIR_CHANNELS && first.kernel() == k3 &&
           second.inChannels() == first.outChannels() && second.outChannels() == 1 && second.kernel() == k3;
}

// A 3×3 kernel (over grid 2) times `scale` in Winograd's domain {6, 6}; see transformInput for the points. The rows of ±√½
// and ±√2 carry factors ½ and √2, which transformOutput counts on: they spare it multiplications.
static void transformKernel(const float* kernel, double scale, double* out)
{
    const double a = std::sqrt(.5), b = std::sqrt(2.);
    const double g[PAIR_SIDE][3] = { { 1, 0, 0 }, { -1 / 3., -a / 3, -1 / 6. }, { -1 / 3., a / 3, -1 / 6. },
                                     { b / 6, 1 / 3., b / 3 }, { b / 6, -1 / 3., b / 3 }, { 0, 0, 1 } };
    for (int y = 0; y < PAIR_SIDE; y++)
        for (int x = 0; x < PAIR_SIDE; x++)
        {
            double sum = 0;
            for (int i = 0; i < 9; i++)
                sum += g[y][i / 3] * g[x][i % 3] * kernel[i];
            out[y * PAIR_SIDE + x] = sum * scale;
        }
}

Conv4dPair::Conv4dPair(const Conv4dLayer& first, const Conv4dLayer& second)
    : channels(first.outChannels()), secondBias(second.bias().ptr<float>()[0])
{
    firstWeights = Mat::zeros(PAIR_VALUES * 9, PAIR_CHANNELS, CV_32F);
    firstBias = Mat::zeros(PAIR_VALUES, PAIR_CHANNELS, CV_32F);
    secondWeights = Mat::zeros(PAIR_VALUES * channels, 9, CV_32F);
    // The bias is what a kernel with only a centre makes of inputs that are all 1; so transformed is such an input:
    const double ones[PAIR_SIDE] = { -.5, -1 - std::sqrt(.5), -1 + std::sqrt(.5), .5 + std::sqrt(.5), .5 - std::sqrt(.5), -.5 };
    const float centre[9] = { 0, 0, 0, 0, 1, 0, 0, 0, 0 };
    double values[PAIR_VALUES];
    for (int c = 0; c < channels; c++)
    {
        for (int tap = 0; tap < 9; tap++)
        {
            transformKernel(first.weights().ptr<float>() + (c * 9 + tap) * 9, 1, values);
            for (int p = 0; p < PAIR_VALUES; p++)
                firstWeights.at<float>(p * 9 + tap, c) = (float)values[p];
            transformKernel(second.weights().ptr<float>() + (c * 9 + tap) * 9, 1, values);
            for (int p = 0; p < PAIR_VALUES; p++)
                secondWeights.at<float>(p * channels + c, tap % 3 * 3 + tap / 3) = (float)values[p];
        }
        transformKernel(centre, first.bias().ptr<float>()[c], values);
        for (int p = 0; p < PAIR_VALUES; p++)
            firstBias.at<float>(p, c) = (float)(values[p] * ones[p / PAIR_SIDE] * ones[p % PAIR_SIDE]);
    }
}

// Planes of more tiles than PLANE_TILES are cut into bands of rows of tiles, which compute the row of tiles beyond each cut
static void planBands(Conv4dPairTask& t)
{
    const int rows = (t.grids[2] + PAIR_TILE - 1) / PAIR_TILE, most = std::max(PLANE_TILES / t.tilesX, 6);
    t.parts[0] = t.tilesY <= most ? 1 : (rows + most - 3) / (most - 2);
    t.plane = std::min((rows + t.parts[0] - 1) / t.parts[0] + 2, t.tilesY) * t.tilesX;
}

// The cheapest cut of grid 1 that keeps the rings small. At a cut both sides compute a hidden column beyond it, or a hidden
// row of which they need one tap in three.
static void planParts(Conv4dPairTask& t, int threads)
{
    const int h1 = t.grids[0], w1 = t.grids[1];
    const int most = std::max((int)(RING_BYTES / (6. * PAIR_VALUES * sizeof(float) * t.plane)) - 4, 4);
    const int fewest = (w1 + most - 1) / most;
    double best = DBL_MAX;
    for (int rowParts = 1; rowParts <= std::min(h1, threads); rowParts++)
        for (int columnParts = fewest; columnParts <= std::min(w1, fewest + threads - 1); columnParts++)
        {
            const int columns = (w1 + columnParts - 1) / columnParts, units = t.parts[0] * rowParts * columnParts;
            const double rows = (h1 + rowParts - 1) / rowParts + (rowParts > 1 ? 1.5 : 0);
            const double cost = rows * (columns + (columnParts > 1 ? 2 : 0)) * ((units + threads - 1) / threads);
            if (cost < best)
            {
                best = cost;
                t.parts[1] = rowParts;
                t.parts[2] = columnParts;
                t.columns = columns + 2;
            }
        }
}

static void planScratch(Conv4dPairTask& t, bool streamed)
{
    const int rows = std::min((t.plane / t.tilesX + 1) * PAIR_TILE, t.grids[2]);
    t.cellStep = streamed ? alignSize(rows * t.grids[3] + PAIR_CELLS, CONV4D_ALIGN) : 0;
    const size_t columns = t.columns + 2, slack = 2 * CONV4D_ALIGN;
    const size_t lag = alignSize(t.ahead, CONV4D_ALIGN), back = alignSize(t.back, CONV4D_ALIGN);
    t.inputStep = alignSize(columns * t.plane + lag + PAIR_CHUNK + slack, CONV4D_ALIGN);
    t.outputStep = t.inputStep + lag;
    t.hiddenStep = back + lag + PAIR_CHUNK + CONV4D_ALIGN;
    t.rowsStep = alignSize(t.plane + t.tilesX + slack, CONV4D_ALIGN);
    t.maskStep = alignSize(t.plane + PAIR_CHUNK, CONV4D_ALIGN);
    t.scratch = 3 * PAIR_VALUES * (t.inputStep + t.outputStep) + t.channels * PAIR_PHASES * t.hiddenStep + PAIR_INPUTS +
                PAIR_SIDE * PAIR_TILE * t.rowsStep + PAIR_MASKS * t.maskStep +
                alignSize(PAIR_TILE * (t.tilesX + slack), CONV4D_ALIGN) + (3 * columns + 1) * t.cellStep;
}

static int unitsOf(const Conv4dPairTask& t)
{
    return t.parts[0] * t.parts[1] * t.parts[2];
}

static Conv4dPairTask makePlan(const Vec4i& grids, int padding, int channels, int threads, bool streamed)
{
    Conv4dPairTask t;
    t.grids = grids;
    t.channels = channels;
    t.margin = padding == PADDING_INPUT ? 1 : 0;
    t.tilesY = (grids[2] + 2 * t.margin + PAIR_TILE - 1) / PAIR_TILE;
    t.tilesX = (grids[3] + 2 * t.margin + PAIR_TILE - 1) / PAIR_TILE;
    t.ahead = t.tilesX + 1;
    t.back = t.margin ? 0 : t.ahead;
    t.cutTiles = !t.margin && (grids[2] % PAIR_TILE || grids[3] % PAIR_TILE);
    planBands(t);
    planParts(t, (double)grids[0] * grids[1] * t.tilesY * t.tilesX < MIN_PARALLEL_TILES ? 1 : threads);
    planScratch(t, streamed);
    return t;
}

size_t Conv4dPair::scratchBytes(const Vec4i& grids, int padding, int channels, int threads, bool streamed, Vec3i* parts)
{
    const Conv4dPairTask t = makePlan(grids, padding, channels, threads, streamed);
    *parts = t.parts;
    return std::min(unitsOf(t), threads) * (t.scratch + CONV4D_ALIGN) * sizeof(float);
}

static void runUnits(const Conv4dPairTask& task, int firstUnit, int lastUnit)
{
    CV_CPU_DISPATCH(runConv4dPairUnits, (task, firstUnit, lastUnit), CV_CPU_DISPATCH_MODES_ALL);
}

void Conv4dPair::apply(const Mat& src, int padding, Mat& dst, bool relu, bool accumulate, double residual) const
{
    const Vec4i grids(src.size[0], src.size[1], src.size[2], src.size[3]);
    Conv4dPairTask t = makePlan(grids, padding, channels, std::max(getNumThreads(), 1), false);
    t.src = src.ptr<float>();
    t.dst = dst.ptr<float>();
    t.stream = 0;
    t.accumulate = accumulate;
    run(t, relu, residual);
}

void Conv4dPair::apply(const Vec4i& grids, int padding, bool relu, double residual, PairStream& stream) const
{
    Conv4dPairTask t = makePlan(grids, padding, channels, std::max(getNumThreads(), 1), true);
    t.src = 0;
    t.dst = 0;
    t.stream = &stream;
    t.accumulate = false;
    stream.prepare(unitsOf(t));
    run(t, relu, residual);
}

void Conv4dPair::run(Conv4dPairTask& t, bool relu, double residual) const
{
    t.firstWeights = firstWeights.ptr<float>();
    t.firstBias = firstBias.ptr<float>();
    t.secondWeights = secondWeights.ptr<float>();
    t.secondBias = secondBias;
    t.residual = (float)residual;
    t.relu = relu;
    const int units = unitsOf(t);
    if (units > 1)
        parallel_for_(Range(0, units), [&](const Range& range) { runUnits(t, range.start, range.end); });
    else
        runUnits(t, 0, units);
}

}}
