// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "group_kernel.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void correlatePairs(const CorrelationView& v, const int* cells1, const int* cells2, int n, float* out);
void maximaOfGroups(const CorrelationView& v, int first, int last, float* best1, float* best2);
void diagonalsNearOf(const CorrelationView& v, const Point& p, const Point& q, float* sums);
void keepGroups(const CorrelationView& v, int first, int last, float* kept);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

static float dotProduct(const float* a, const float* b, int n)
{
    Vec sum = vecSet(0.f), sum2 = sum;
    int i = 0;
    for (; i <= n - 2 * LANES; i += 2 * LANES)
    {
        sum = vecFma(vecLoad(a + i), vecLoad(b + i), sum);
        sum2 = vecFma(vecLoad(a + i + LANES), vecLoad(b + i + LANES), sum2);
    }
    float rest = 0;
    for (; i < n; i++)
        rest += a[i] * b[i];
    return vecSum(vecAdd(sum, sum2)) + rest;
}

// c, or what the mutual filter makes of it
static float filtered(const CorrelationView& v, int cell1, int cell2, float c)
{
    return v.best1 ? c * ((c / v.best2[v.groupCellOf(cell2 / v.grid2.width, cell2 % v.grid2.width)]) * (c / v.best1[cell1])) : c;
}

void correlatePairs(const CorrelationView& v, const int* cells1, const int* cells2, int n, float* out)
{
    for (int i = 0; i < n; i++)
        out[i] = filtered(v, cells1[i], cells2[i],
                          dotProduct(v.f1 + (size_t)cells1[i] * v.channels, v.f2 + (size_t)cells2[i] * v.channels, v.channels));
}

// acc[i] += a · b[i][c …], i < N
template<int N> struct NearOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const Vec& a, const float* const* b, int c)
    {
        NearOps<N - 1>::fma(acc, a, b, c);
        acc[N - 1] = vecFma(a, vecLoad(b[N - 1] + c), acc[N - 1]);
    }
    static CV_ALWAYS_INLINE void sum(const Vec* acc, float* out)
    {
        NearOps<N - 1>::sum(acc, out);
        out[N - 1] = vecSum(acc[N - 1]);
    }
};
template<> struct NearOps<0>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const Vec&, const float* const*, int) {}
    static CV_ALWAYS_INLINE void sum(const Vec*, float*) {}
};

// out[i] = a · b[i] of n floats each
static void dotProducts(const float* a, const float* const* b, int n, float* out)
{
    Vec acc[NEAR];
    VecArray<NEAR>::set(acc, vecSet(0.f));
    int c = 0;
    for (; c <= n - LANES; c += LANES)
        NearOps<NEAR>::fma(acc, vecLoad(a + c), b, c);
    NearOps<NEAR>::sum(acc, out);
    for (; c < n; c++)
        for (int i = 0; i < NEAR; i++)
            out[i] += a[c] * b[i][c];
}

// c(p, q + move) for the NEAR moves; 0 outside grid 2
static void correlateNear(const CorrelationView& v, const Point& p, const Point& q, float* out)
{
    const int cell1 = p.y * v.grid1.width + p.x;
    const float* f2[NEAR];
    int cells2[NEAR];
    for (int i = 0; i < NEAR; i++)
    {
        const int y = q.y + i / 3 - 1, x = q.x + i % 3 - 1;
        const bool inside = (unsigned)y < (unsigned)v.grid2.height && (unsigned)x < (unsigned)v.grid2.width;
        cells2[i] = inside ? y * v.grid2.width + x : -1;
        f2[i] = v.f2 + (size_t)std::max(cells2[i], 0) * v.channels;
    }
    dotProducts(v.f1 + (size_t)cell1 * v.channels, f2, v.channels, out);
    for (int i = 0; i < NEAR; i++)
        out[i] = cells2[i] < 0 ? 0 : filtered(v, cell1, cells2[i], out[i]);
}

void diagonalsNearOf(const CorrelationView& v, const Point& p, const Point& q, float* sums)
{
    float near[4][4][NEAR];
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
        {
            const Point d(x - 1, y - 1), p1 = p + d;
            if ((unsigned)p1.y < (unsigned)v.grid1.height && (unsigned)p1.x < (unsigned)v.grid1.width)
                correlateNear(v, p1, q + d, near[y][x]);
            else
                std::fill_n(near[y][x], (int)NEAR, 0.f);
        }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < NEAR; j++)
        {
            float sum = 0;
            for (int u = 0; u < NEAR; u++)
                sum += near[i / 2 + u / 3][i % 2 + u % 3][j];
            sums[i * NEAR + j] = sum;
        }
}

// Raises best1 {cells of grid 1} and best2 {groups, GROUP} to the correlations of source cells [first, last); cells outside
// grid 2 take part in best2 only, where the caller ignores them.
void maximaOfGroups(const CorrelationView& v, int first, int last, float* best1, float* best2)
{
    CV_DECL_ALIGNED(64) float values[GROUP_SOURCES][GROUP];
    float* out[GROUP_SOURCES];
    int cells[GROUP_SOURCES];
    for (int p = first; p < last; p += GROUP_SOURCES)
    {
        const int n = std::min<int>(GROUP_SOURCES, last - p);
        for (int i = 0; i < n; i++)
        {
            out[i] = values[i];
            cells[i] = p + i;
        }
        for (int g = 0; g < v.groups.area(); g++)
        {
            correlateGroup(v, cells, n, g, out);
            const int y0 = g / v.groups.width * GROUP_SIDE - GRID_BORDER, x0 = g % v.groups.width * GROUP_SIDE - GRID_BORDER;
            for (int i = 0; i < n; i++)
                for (int j = 0; j < GROUP; j++)
                {
                    const int y = y0 + j / GROUP_SIDE, x = x0 + j % GROUP_SIDE;
                    if ((unsigned)y < (unsigned)v.grid2.height && (unsigned)x < (unsigned)v.grid2.width)
                        best1[p + i] = std::max(best1[p + i], values[i][j]);
                    best2[g * GROUP + j] = std::max(best2[g * GROUP + j], values[i][j]);
                }
        }
    }
}

// Correlations of source cells [first, last) with all groups: {cells of grid 1, groups, GROUP}
void keepGroups(const CorrelationView& v, int first, int last, float* kept)
{
    float* out[GROUP_SOURCES];
    int cells[GROUP_SOURCES];
    for (int p = first; p < last; p += GROUP_SOURCES)
    {
        const int n = std::min<int>(GROUP_SOURCES, last - p);
        for (int g = 0; g < v.groups.area(); g++)
        {
            for (int i = 0; i < n; i++)
            {
                out[i] = kept + ((size_t)(p + i) * v.groups.area() + g) * GROUP;
                cells[i] = p + i;
            }
            correlateGroup(v, cells, n, g, out);
        }
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
