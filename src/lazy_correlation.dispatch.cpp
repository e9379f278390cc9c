// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "lazy_correlation.hpp"

#include "lazy_correlation.simd.hpp"
#include "lazy_correlation.simd_declarations.hpp"

namespace cv { namespace semcorr {

static const float MUTUAL_EPS = 1e-5f;  // default of mutualFilter
static const int MAX_SOURCES = 8;

static void maxima(const CorrelationView& v, int first, int last, float* best1, float* best2)
{
    CV_CPU_DISPATCH(maximaOfGroups, (v, first, last, best1, best2), CV_CPU_DISPATCH_MODES_ALL);
}

static void diagonalsNearIn(const CorrelationView& v, const Point& p, const Point& q, float* sums)
{
    CV_CPU_DISPATCH(diagonalsNearOf, (v, p, q, sums), CV_CPU_DISPATCH_MODES_ALL);
}

static void keepIn(const CorrelationView& v, int first, int last, float* kept)
{
    CV_CPU_DISPATCH(keepGroups, (v, first, last, kept), CV_CPU_DISPATCH_MODES_ALL);
}

static void pairsOf(const CorrelationView& v, const int* cells1, const int* cells2, int n, float* out)
{
    CV_CPU_DISPATCH(correlatePairs, (v, cells1, cells2, n, out), CV_CPU_DISPATCH_MODES_ALL);
}

// {groups, channels, GROUP}, zeros outside grid 2
static Mat packGroups(const Mat& f2, const Size& groups)
{
    const int h = f2.size[0], w = f2.size[1], channels = f2.size[2];
    Mat packed(groups.area(), channels * GROUP, CV_32F);
    parallel_for_(Range(0, groups.height), [&](const Range& range)
    {
        packed.rowRange(range.start * groups.width, range.end * groups.width) = 0;
        const int last = std::min(range.end * GROUP_SIDE - GRID_BORDER, h);
        for (int y = std::max(range.start * GROUP_SIDE - GRID_BORDER, 0); y < last; y++)
            for (int x = 0; x < w; x++)
            {
                const int py = y + GRID_BORDER, px = x + GRID_BORDER;
                float* dst = packed.ptr<float>(py / GROUP_SIDE * groups.width + px / GROUP_SIDE);
                dst += py % GROUP_SIDE * GROUP_SIDE + px % GROUP_SIDE;
                const float* src = f2.ptr<float>(y, x);
                for (int c = 0; c < channels; c++)
                    dst[c * GROUP] = src[c];
            }
    });
    return packed;
}

// The 4×4 windows at even cells that reach one cell further than the last pair of rows or columns lie inside the groups.
static int groupsAlong(int cells)
{
    return ((cells + 1) / 2 * 2 + 2 * GRID_BORDER + GROUP_SIDE - 1) / GROUP_SIDE;
}

size_t LazyCorrelation::packedBytes(const Size& grid2, int channels)
{
    return (size_t)groupsAlong(grid2.width) * groupsAlong(grid2.height) * channels * GROUP * sizeof(float);
}

LazyCorrelation::LazyCorrelation(const Mat& f1_, const Mat& f2_, bool mutual, size_t keepBytes) : f1(f1_), f2(f2_)
{
    v.channels = f1.size[2];
    v.grid1 = Size(f1.size[1], f1.size[0]);
    v.grid2 = Size(f2.size[1], f2.size[0]);
    v.groups = Size(groupsAlong(v.grid2.width), groupsAlong(v.grid2.height));
    packed = packGroups(f2, v.groups);
    v.f1 = f1.ptr<float>();
    v.f2 = f2.ptr<float>();
    v.packed = packed.ptr<float>();
    v.kept = v.best1 = v.best2 = 0;
    if (mutual)
        findMaxima();
    if ((size_t)v.grid1.area() * v.groups.area() * GROUP * sizeof(float) <= keepBytes)
        keepAll();
}

void LazyCorrelation::keepAll()
{
    const int cells1 = v.grid1.area();
    Mat all(cells1, v.groups.area() * GROUP, CV_32F);
    parallel_for_(Range(0, divUp(cells1, MAX_SOURCES)), [&](const Range& range)
    {
        keepIn(v, range.start * MAX_SOURCES, std::min(range.end * MAX_SOURCES, cells1), all.ptr<float>());
    });
    kept = all;
    v.kept = kept.ptr<float>();
}

void LazyCorrelation::findMaxima()
{
    const int cells1 = v.grid1.area(), strips = std::min(getNumThreads(), cells1);
    best1 = Mat(1, cells1, CV_32F, Scalar(-FLT_MAX));
    Mat partial(strips, v.groups.area() * GROUP, CV_32F, Scalar(-FLT_MAX));
    parallel_for_(Range(0, strips), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
            maxima(v, (int)((int64)cells1 * i / strips), (int)((int64)cells1 * (i + 1) / strips), best1.ptr<float>(),
                   partial.ptr<float>(i));
    });
    best2 = partial.row(0).clone();
    for (int i = 1; i < strips; i++)
        max(best2, partial.row(i), best2);
    // what mutualFilter divides by
    best1 += MUTUAL_EPS;
    best2 += MUTUAL_EPS;
    v.best1 = best1.ptr<float>();
    v.best2 = best2.ptr<float>();
}

void LazyCorrelation::pairs(const int* cells1, const int* cells2, int n, float* out) const
{
    pairsOf(v, cells1, cells2, n, out);
}

void LazyCorrelation::diagonalsNear(const Point& p, const Point& q, float* sums) const
{
    diagonalsNearIn(v, p, q, sums);
}

}}
