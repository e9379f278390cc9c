// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "diagonal_maxima.hpp"
#include "pair_scorer.hpp"
#include "patchmatch.hpp"
#include "start_agreement.hpp"

namespace cv { namespace semcorr {

enum { START_KEEP = 14, RANDOM_STARTS = 6 };  // most that a cell begins with of its own

namespace {

struct Start
{
    int cell;
    float value;
};

bool better(const Start& a, const Start& b)
{
    return a.value > b.value || (a.value == b.value && a.cell < b.cell);
}

// Best move within one cell of each of some targets q of a square of 2×2 source cells from p on, for each of these cells
void climb(const LazyCorrelation& correlation, const Point& p, const std::vector<Point>& targets, std::vector<Start>* starts)
{
    const Size grid1 = correlation.view().grid1, grid2 = correlation.view().grid2;
    float sums[4 * NEAR];
    for (size_t k = 0; k < targets.size(); k++)
    {
        const Point q = targets[k];
        correlation.diagonalsNear(p, q, sums);
        for (int i = 0; i < 4; i++)
        {
            const Point d(i % 2, i / 2);
            if (!isInside(grid1, p + d))
                continue;
            Start best = { -1, -FLT_MAX };
            for (int j = 0; j < NEAR; j++)
            {
                const Point target = q + d + Point(j % 3 - 1, j / 3 - 1);
                const float sum = sums[i * NEAR + j];  // of huge features perhaps not a number
                const Start start = { target.y * grid2.width + target.x, sum == sum ? sum : -FLT_MAX };
                if (isInside(grid2, target) && (best.cell < 0 || better(start, best)))
                    best = start;
            }
            starts[i].push_back(best);
        }
    }
}

// The best of different ones
void choose(std::vector<Start>& starts, int* targets, int keep)
{
    std::sort(starts.begin(), starts.end(), better);
    int n = 0;
    for (size_t i = 0; i < starts.size() && n < keep; i++)
        if (std::find(targets, targets + n, starts[i].cell) == targets + n)
            targets[n++] = starts[i].cell;
    std::fill(targets + n, targets + keep, -1);
}

// The cell of a fine grid that begins `move` cells from the middle of a coarse cell
int fineCell(int coarse, double scale, double move, int cells)
{
    return std::min(std::max(cvRound((coarse + 0.5) * scale + move), 0), cells - 1);
}

std::vector<Point> fineTargets(const int* coarse, int count, const Size& coarse2, const Point2d& scale2, const Point2d& move,
                               const Size& grid2)
{
    std::vector<Point> targets;
    for (int k = 0; k < count && coarse[k] >= 0; k++)
    {
        const Point q = cellAt(coarse2, coarse[k]);
        targets.push_back(Point(fineCell(q.x, scale2.x, move.x, grid2.width), fineCell(q.y, scale2.y, move.y, grid2.height)));
    }
    return targets;
}

Mat randomTargets(const Size& grid1, const Size& grid2, int seed)
{
    Mat targets(grid1.area(), RANDOM_STARTS, CV_32S);
    for (int p = 0; p < targets.rows; p++)
        for (int i = 0; i < RANDOM_STARTS; i++)
            targets.at<int>(p, i) = randomBelow(grid2.area(), seed, 0, p, i);
    return targets;
}

}

int randomBelow(int n, int seed, int iteration, int cell, int draw)
{
    // SplitMix64's finaliser over the four keys in turn
    const uint64 keys[] = { (uint64)(unsigned)seed, (uint64)(unsigned)iteration, (uint64)(unsigned)cell, (uint64)(unsigned)draw };
    uint64 x = 0;
    for (int i = 0; i < 4; i++)
    {
        x += keys[i] + 0x9E3779B97F4A7C15ull;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
        x ^= x >> 31;
    }
    return (int)((x >> 32) * (uint64)n >> 32);
}

Mat poolFeatures(const Mat& f)
{
    const int h = f.size[0], w = f.size[1], channels = f.size[2];
    const int shape[] = { (h + 1) / 2, (w + 1) / 2, channels };
    Mat sums = Mat::zeros(3, shape, CV_32F), result;
    parallel_for_(Range(0, shape[0]), [&](const Range& range)
    {
        for (int y = 2 * range.start; y < std::min(2 * range.end, h); y++)
            for (int x = 0; x < w; x++)
            {
                const float* src = f.ptr<float>(y, x);
                float* dst = sums.ptr<float>(y / 2, x / 2);
                for (int c = 0; c < channels; c++)
                    dst[c] += src[c];
            }
    });
    normalizeFeatures(sums, result);
    return result;
}

Mat finerTargets(const Mat& coarse, const Size& coarse1, const Size& coarse2, const Point2d& scale1, const Point2d& scale2,
                 const LazyCorrelation& correlation)
{
    const Size grid1 = correlation.view().grid1, squares((grid1.width + 1) / 2, (grid1.height + 1) / 2);
    Mat targets(grid1.area(), coarse.cols, CV_32S);
    parallel_for_(Range(0, squares.height), [&](const Range& range)
    {
        std::vector<Start> starts[4];
        for (int i = range.start * squares.width; i < range.end * squares.width; i++)
        {
            const Point p = 2 * cellAt(squares, i);
            const Point near(std::min((int)((p.x + 1) / scale1.x), coarse1.width - 1),
                             std::min((int)((p.y + 1) / scale1.y), coarse1.height - 1));
            // from the middle of the coarse cell to where the square begins
            const Point2d move(p.x - (near.x + 0.5) * scale1.x, p.y - (near.y + 0.5) * scale1.y);
            for (int j = 0; j < 4; j++)
                starts[j].clear();
            const int* targets2 = coarse.ptr<int>(near.y * coarse1.width + near.x);
            climb(correlation, p, fineTargets(targets2, coarse.cols, coarse2, scale2, move, correlation.view().grid2), starts);
            for (int j = 0; j < 4; j++)
            {
                const Point cell = p + Point(j % 2, j / 2);
                if (isInside(grid1, cell))
                    choose(starts[j], targets.ptr<int>(cell.y * grid1.width + cell.x), targets.cols);
            }
        }
    });
    return targets;
}

static size_t bytesOfStarts(const Size& grid1)
{
    return (size_t)grid1.area() * START_KEEP * (sizeof(int) + sizeof(uchar)) + agreementBytes(grid1);
}

size_t startBytes(const LazyCorrelation& correlation, int init, size_t memory)
{
    const size_t starts = bytesOfStarts(correlation.view().grid1);
    return starts + (init == INIT_RANDOM ? 0 : diagonalBytes(correlation, memory - std::min(starts, memory)));
}

Mat startTargets(const RoundedPair* features, const LazyCorrelation& correlation, int init, int seed, size_t memory)
{
    const CorrelationView& v = correlation.view();
    if (init == INIT_RANDOM)
        return randomTargets(v.grid1, v.grid2, seed);
    Mat targets(v.grid1.area(), START_KEEP, CV_32S), values(targets.size(), CV_8U);
    const size_t bytes = bytesOfStarts(v.grid1);
    diagonalMaxima(*features, correlation, START_KEEP, targets.ptr<int>(), values.ptr(), memory - std::min(bytes, memory));
    dropLonelyStarts(v.grid1, v.grid2, values, targets);
    return targets;
}

}}
