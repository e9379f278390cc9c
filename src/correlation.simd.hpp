// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "correlation.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void packPanels(const Mat& f2, int first, int last, float* packed);
void correlatePanels(const Mat& f1, const float* packed, int cells, float* dst, size_t dstStep);
void scaleRow(const float* src, float* dst, int n, float divisor);
void maxOfRows(const float* src, size_t step, int rows, float* best, int n);
void mutualRow(const float* src, const float* best2, float* dst, int n, float eps);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

enum
{
    GEMM_ROWS = LANES >= 16 ? 12 : 6,  // cells of grid 1 per tile; with 2 vectors each: 24 of 32 registers, or 12 of 16
    GEMM_VECTORS = 2,
    GEMM_COLS = GEMM_VECTORS * LANES,  // cells of grid 2 per tile
    GEMM_PANELS = 8,                   // panels that stay in the second-level cache while all of grid 1 passes
    GEMM_DEPTH = 256,                  // channels at a time: 12 packed rows stay in the first-level cache
    GEMM_STEP = GEMM_DEPTH + 16        // floats between packed rows; no power of two, lest they evict each other
};
static_assert(CORRELATION_PANEL % GEMM_COLS == 0, "tiles do not reach beyond their panel");

// The I rows of a tile, unrolled
template<int I> struct GemmOps
{
    static CV_ALWAYS_INLINE void load(Vec* acc, const float* src, size_t step)
    {
        GemmOps<I - 1>::load(acc, src, step);
        VecArray<GEMM_VECTORS>::load(acc + (I - 1) * GEMM_VECTORS, src + (I - 1) * step);
    }
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* a, const Vec* b)
    {
        GemmOps<I - 1>::fma(acc, a, b);
        const Vec x = vecSet(a[(I - 1) * GEMM_STEP]);
        for (int v = 0; v < GEMM_VECTORS; v++)
            acc[(I - 1) * GEMM_VECTORS + v] = vecFma(x, b[v], acc[(I - 1) * GEMM_VECTORS + v]);
    }
    static CV_ALWAYS_INLINE void store(const Vec* acc, float* dst, size_t step)
    {
        GemmOps<I - 1>::store(acc, dst, step);
        VecArray<GEMM_VECTORS>::store(acc + (I - 1) * GEMM_VECTORS, dst + (I - 1) * step);
    }
};
template<> struct GemmOps<0>
{
    static CV_ALWAYS_INLINE void load(Vec*, const float*, size_t) {}
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, const Vec*) {}
    static CV_ALWAYS_INLINE void store(const Vec*, float*, size_t) {}
};

// dst {R, GEMM_COLS} = (add ? dst : 0) + a {R, GEMM_STEP} · b {depth, CORRELATION_PANEL}
template<int R> static void gemmTile(const float* a, const float* b, int depth, bool add, float* dst, size_t dstStep)
{
    Vec acc[R * GEMM_VECTORS], w[GEMM_VECTORS];
    if (add)
        GemmOps<R>::load(acc, dst, dstStep);
    else
        VecArray<R * GEMM_VECTORS>::set(acc, vecSet(0.f));
    for (int k = 0; k < depth; k++, a++, b += CORRELATION_PANEL)
    {
        VecArray<GEMM_VECTORS>::load(w, b);
        GemmOps<R>::fma(acc, a, w);
    }
    GemmOps<R>::store(acc, dst, dstStep);
}

typedef void (*GemmTile)(const float*, const float*, int, bool, float*, size_t);

// The instance for `rows` rows
template<int R> struct GemmTable
{
    static GemmTile find(int rows) { return rows == R ? &gemmTile<R> : GemmTable<R - 1>::find(rows); }
};
template<> struct GemmTable<0>
{
    static GemmTile find(int) { return 0; }
};

// The same where only `cols` columns of the tile exist
static void gemmEdge(GemmTile run, const float* a, const float* b, int depth, bool add, float* dst, size_t dstStep, int rows, int cols)
{
    CV_DECL_ALIGNED(64) float tile[GEMM_ROWS * GEMM_COLS] = { 0 };
    for (int r = 0; add && r < rows; r++)
        for (int c = 0; c < cols; c++)
            tile[r * GEMM_COLS + c] = dst[r * dstStep + c];
    run(a, b, depth, add, tile, GEMM_COLS);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            dst[r * dstStep + c] = tile[r * GEMM_COLS + c];
}

// memcpy of a bounded size becomes a slow string instruction
static void copyFloats(const float* src, float* dst, int n)
{
    int i = 0;
    for (; i <= n - LANES; i += LANES)
        vecStore(dst + i, vecLoad(src + i));
    for (; i < n; i++)
        dst[i] = src[i];
}

// packed {panels, channels, CORRELATION_PANEL}: cells [first, last) of f2 {N2, C}; the last panel's rest is zero
void packPanels(const Mat& f2, int first, int last, float* packed)
{
    for (int cell = first; cell < last; cell += CORRELATION_PANEL, packed += (size_t)CORRELATION_PANEL * f2.cols)
    {
        const int cells = std::min<int>(CORRELATION_PANEL, last - cell);
        if (cells < CORRELATION_PANEL)
            memset(packed, 0, sizeof(float) * CORRELATION_PANEL * f2.cols);
        transposeFloats(f2.ptr<float>(cell), f2.step1(), packed, CORRELATION_PANEL, cells, f2.cols);
    }
}

// dst {f1.rows, dstStep}: the first `cells` columns = f1 {N1, C} · packed cellsᵀ. Each value sums its channels in order.
void correlatePanels(const Mat& f1, const float* packed, int cells, float* dst, size_t dstStep)
{
    CV_DECL_ALIGNED(64) float a[GEMM_ROWS * GEMM_STEP] = { 0 };
    const int channels = f1.cols, group = GEMM_PANELS * CORRELATION_PANEL;
    for (int first = 0; first < cells; first += group)
        for (int k = 0; k < channels; k += GEMM_DEPTH)
        {
            const int depth = std::min<int>(GEMM_DEPTH, channels - k);
            for (int row = 0; row < f1.rows; row += GEMM_ROWS)
            {
                const int rows = std::min<int>(GEMM_ROWS, f1.rows - row);
                const GemmTile run = GemmTable<GEMM_ROWS>::find(rows);
                for (int r = 0; r < rows; r++)
                    copyFloats(f1.ptr<float>(row + r) + k, a + r * GEMM_STEP, depth);
                for (int c = first; c < std::min(first + group, cells); c += GEMM_COLS)
                {
                    const float* b = packed + ((size_t)c / CORRELATION_PANEL * channels + k) * CORRELATION_PANEL +
                                     c % CORRELATION_PANEL;
                    float* d = dst + row * dstStep + c;
                    if (c + GEMM_COLS <= cells)
                        run(a, b, depth, k > 0, d, dstStep);
                    else
                        gemmEdge(run, a, b, depth, k > 0, d, dstStep, rows, std::min<int>(GEMM_COLS, cells - c));
                }
            }
        }
}

// dst = src / divisor
void scaleRow(const float* src, float* dst, int n, float divisor)
{
    const Vec d = vecSet(divisor);
    int i = 0;
    for (; i <= n - LANES; i += LANES)
        vecStore(dst + i, vecDiv(vecLoad(src + i), d));
    for (; i < n; i++)
        dst[i] = src[i] / divisor;
}

// best[i] = max over rows of src[row * step + i]
void maxOfRows(const float* src, size_t step, int rows, float* best, int n)
{
    memcpy(best, src, n * sizeof(float));
    for (int row = 1; row < rows; row++)
    {
        const float* s = src + row * step;
        int i = 0;
        for (; i <= n - LANES; i += LANES)
            vecStore(best + i, vecMax(vecLoad(best + i), vecLoad(s + i)));
        for (; i < n; i++)
            best[i] = std::max(best[i], s[i]);
    }
}

// One cell of grid 1 against all n cells of grid 2; best2: each of these's maximum over grid 1. dst may be src.
void mutualRow(const float* src, const float* best2, float* dst, int n, float eps)
{
    float best = src[0];
    int i = 0;
    Vec vbest = vecSet(best);
    for (; i <= n - LANES; i += LANES)
        vbest = vecMax(vbest, vecLoad(src + i));
    best = vecLargest(vbest);
    for (; i < n; i++)
        best = std::max(best, src[i]);

    const float denominator = best + eps;
    const Vec veps = vecSet(eps), vdenominator = vecSet(denominator);
    for (i = 0; i <= n - LANES; i += LANES)
    {
        const Vec c = vecLoad(src + i);
        const Vec share = vecMul(vecDiv(c, vecAdd(vecLoad(best2 + i), veps)), vecDiv(c, vdenominator));
        vecStore(dst + i, vecMul(c, share));
    }
    for (; i < n; i++)
        dst[i] = src[i] * ((src[i] / (best2[i] + eps)) * (src[i] / denominator));
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
