// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "group_kernel.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void correlatePairs(const CorrelationView& v, const int* cells1, const int* cells2, int n, float* out);
void correlatePairs(const CorrelationView& v, const int* cells1, const int* cells2, int n, float* out);
void maximaOfGroups(const CorrelationView& v, int first, int last, float* best1, float* best2);
void diagonalMaximaOf(const CorrelationView& v, const Rect& cells1, int keep, int* cells, float* planes);
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

static int groupCellOf(const CorrelationView& v, int cell2)
{
    const int y = cell2 / v.grid2.width + GRID_BORDER, x = cell2 % v.grid2.width + GRID_BORDER;
    return (y / GROUP_SIDE * v.groups.width + x / GROUP_SIDE) * GROUP + y % GROUP_SIDE * GROUP_SIDE + x % GROUP_SIDE;
}

// c, or what the mutual filter makes of it
static float filtered(const CorrelationView& v, int cell1, int cell2, float c)
{
    return v.best1 ? c * ((c / v.best2[groupCellOf(v, cell2)]) * (c / v.best1[cell1])) : c;
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

// Planes are {4·groups.height, 4·groups.width + LANES}, cells outside grid 2 included.
static size_t planeStep(const CorrelationView& v)
{
    return v.groups.width * GROUP_SIDE + LANES;
}

static size_t planeFloats(const CorrelationView& v)
{
    return planeStep(v) * v.groups.height * GROUP_SIDE;
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

// Correlations of n source cells with grid 2, from groups to planes
static void correlatePlanes(const CorrelationView& v, int first, int n, float* planes)
{
    CV_DECL_ALIGNED(64) float values[GROUP_SOURCES][GROUP];
    float* out[GROUP_SOURCES];
    int cells[GROUP_SOURCES];
    for (int i = 0; i < n; i++)
    {
        out[i] = values[i];
        cells[i] = first + i;
    }
    const size_t step = planeStep(v), planeSize = planeFloats(v);
    for (int g = 0; g < v.groups.area(); g++)
    {
        if (!v.kept)
            correlateGroup(v, cells, n, g, out);
        float* corner = planes + g / v.groups.width * GROUP_SIDE * step + g % v.groups.width * GROUP_SIDE;
        for (int i = 0; i < n; i++)
        {
            const float* src = v.kept ? v.kept + ((size_t)cells[i] * v.groups.area() + g) * GROUP : values[i];
            for (int y = 0; y < GROUP_SIDE; y++)
                memcpy(corner + i * planeSize + y * step, src + y * GROUP_SIDE, GROUP_SIDE * sizeof(float));
        }
    }
}

// Planes of the source cells [x0, x1) of a row; zeros for those outside grid 1
static void correlateRow(const CorrelationView& v, int y, int x0, int x1, float* planes)
{
    const size_t planeSize = planeFloats(v);
    for (int x = x0; x < x1; )
    {
        float* plane = planes + (x - x0) * planeSize;
        if (x < 0 || x >= v.grid1.width)
        {
            std::fill_n(plane, planeSize, 0.f);
            x++;
            continue;
        }
        const int n = std::min<int>(GROUP_SOURCES, std::min(x1, v.grid1.width) - x);
        correlatePlanes(v, y * v.grid1.width + x, n, plane);
        x += n;
    }
}

// dst[i] = a[i − shift] + b[i] + c[i + shift] for all rows of a plane but the outermost
static void addDiagonal(const CorrelationView& v, const float* a, const float* b, const float* c, size_t shift, float* dst)
{
    const size_t step = planeStep(v), last = planeFloats(v) - step;
    for (size_t i = step; i < last; i += LANES)
        vecStore(dst + i, vecAdd(vecAdd(vecLoad(a + i - shift), vecLoad(b + i)), vecLoad(c + i + shift)));
}

// Cells just outside the grid must not be maxima nor hide them.
static void lowerFrame(const CorrelationView& v, float* plane)
{
    const size_t step = planeStep(v);
    const int top = GRID_BORDER - 1, bottom = GRID_BORDER + v.grid2.height, left = top, right = GRID_BORDER + v.grid2.width;
    for (int x = left; x <= right; x++)
        plane[top * step + x] = plane[bottom * step + x] = -FLT_MAX;
    for (int y = top; y <= bottom; y++)
        plane[y * step + left] = plane[y * step + right] = -FLT_MAX;
}

struct BestList
{
    int keep, count;
    int* cells;
    float* values;

    float least() const { return count < keep ? -FLT_MAX : values[keep - 1]; }
    void insert(int cell, float value)  // after equal ones
    {
        int i = count < keep ? count++ : keep - 1;
        for (; i > 0 && values[i - 1] < value; i--)
        {
            values[i] = values[i - 1];
            cells[i] = cells[i - 1];
        }
        values[i] = value;
        cells[i] = cell;
    }
};

// Larger than the four neighbours before it in row-major order and not smaller than those after: one cell of a plateau
static CV_ALWAYS_INLINE bool isLocalMaximum(const float* p, size_t step)
{
    const float c = *p, *above = p - step, *below = p + step;
    return c > above[-1] && c > above[0] && c > above[1] && c > p[-1] && c >= p[1] && c >= below[-1] && c >= below[0] &&
           c >= below[1];
}

// Whether any of LANES cells is above `least` and no neighbour is larger
static CV_ALWAYS_INLINE bool mayHoldMaximum(const float* p, size_t step, float least)
{
#if CV_SIMD
    const float *above = p - step, *below = p + step;
    const Vec c = vecLoad(p);
    if (!v_check_any(v_gt(c, vecSet(least))))
        return false;
    const Vec rows = vecMax(vecMax(vecMax(vecLoad(above - 1), vecLoad(above)), vecMax(vecLoad(above + 1), vecLoad(p - 1))),
                            vecMax(vecMax(vecLoad(p + 1), vecLoad(below - 1)), vecMax(vecLoad(below), vecLoad(below + 1))));
    return v_check_any(v_ge(c, vecMax(rows, vecSet(least))));
#else
    return isLocalMaximum(p, step) && *p > least;
#endif
}

static void scanPlane(const CorrelationView& v, const float* plane, BestList& best)
{
    const size_t step = planeStep(v);
    for (int y = 0; y < v.grid2.height; y++)
    {
        // planes end in enough cells for the last vector of a row
        const float* row = plane + (y + GRID_BORDER) * step + GRID_BORDER;
        for (int x = 0; x < v.grid2.width; x += LANES)
            if (mayHoldMaximum(row + x, step, best.least()))
                for (int i = x; i < std::min<int>(x + LANES, v.grid2.width); i++)
                    if (row[i] > best.least() && isLocalMaximum(row + i, step))
                        best.insert(y * v.grid2.width + i, row[i]);
    }
}

// planes: scratch of 4·cells1.width + 3 planes; cells {cells of grid 1, keep}
//
// The sum over 3×3 offsets is taken along x while a row of source cells is correlated, then along y over three such rows.
void diagonalMaximaOf(const CorrelationView& v, const Rect& cells1, int keep, int* cells, float* planes)
{
    const size_t step = planeStep(v), planeSize = planeFloats(v);
    const int n = cells1.width;
    float *row = planes, *sums = planes + (n + 2) * planeSize, *sum = sums + 3 * n * planeSize;
    std::vector<float> values(keep);
    for (int y = cells1.y - 1; y <= cells1.y + cells1.height; y++)
    {
        float* added = sums + (y + 3) % 3 * n * planeSize;
        if ((unsigned)y >= (unsigned)v.grid1.height)
            std::fill_n(added, n * planeSize, 0.f);
        else
        {
            correlateRow(v, y, cells1.x - 1, cells1.x + n + 1, row);
            for (int x = 0; x < n; x++)
                addDiagonal(v, row + x * planeSize, row + (x + 1) * planeSize, row + (x + 2) * planeSize, 1, added + x * planeSize);
        }
        for (int x = 0; x < n && y > cells1.y; x++)
        {
            const int p = (y - 1) * v.grid1.width + cells1.x + x;
            addDiagonal(v, sums + ((y + 1) % 3 * n + x) * planeSize, sums + ((y + 2) % 3 * n + x) * planeSize,
                        sums + ((y + 3) % 3 * n + x) * planeSize, step, sum);
            lowerFrame(v, sum);
            BestList best = { keep, 0, cells + (size_t)p * keep, values.data() };
            std::fill_n(best.cells, keep, -1);
            scanPlane(v, sum, best);
        }
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
