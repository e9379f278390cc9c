// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "byte_products.hpp"
#include "diagonal_maxima.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

int channelsOfWord();
void diagonalMaximaOf(const DiagonalTask& task, const Rect& cells1, int keep, int* cells, short* values, short* scratch);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

// Words hold four bytes where products of bytes are added up in one instruction, else two short integers.

#if CV_AVX_512VNNI
enum { CHANNELS_OF_WORD = 4 };
#else
enum { CHANNELS_OF_WORD = 2 };
#endif

int channelsOfWord()
{
    return CHANNELS_OF_WORD;
}

#if CV_SIMD

typedef v_int32 Ints;
typedef v_int16 Shorts;
enum { SHORTS = 2 * LANES };

// a + sum of the products of each word's channels
static CV_ALWAYS_INLINE Ints addProducts(const Ints& targets, const Ints& source, const Ints& a)
{
#if CV_AVX_512VNNI
    Ints sums = a;
    addByteProducts(sums.val, targets.val, source.val);
    return sums;
#else
    return v_dotprod(v_reinterpret_as_s16(targets), v_reinterpret_as_s16(source), a);
#endif
}

static CV_ALWAYS_INLINE Ints intsSet(int x) { return vx_setall_s32(x); }
static CV_ALWAYS_INLINE Ints intsLoad(const int* p) { return vx_load(p); }
static CV_ALWAYS_INLINE Vec toFloats(const Ints& a) { return v_cvt_f32(a); }
static CV_ALWAYS_INLINE void storeRounded(schar* p, const Vec* a) { v_pack_store(p, v_pack(v_round(a[0]), v_round(a[1]))); }
static CV_ALWAYS_INLINE Shorts bytesLoad(const schar* p) { return vx_load_expand(p); }
static CV_ALWAYS_INLINE Shorts shortsLoad(const short* p) { return vx_load(p); }
static CV_ALWAYS_INLINE Shorts shortsSet(short x) { return vx_setall_s16(x); }
static CV_ALWAYS_INLINE void shortsStore(short* p, const Shorts& a) { v_store(p, a); }
static CV_ALWAYS_INLINE Shorts shortsAdd(const Shorts& a, const Shorts& b) { return v_add_wrap(a, b); }
static CV_ALWAYS_INLINE Shorts shortsMax(const Shorts& a, const Shorts& b) { return v_max(a, b); }
static CV_ALWAYS_INLINE bool anyAbove(const Shorts& a, const Shorts& b) { return v_check_any(v_gt(a, b)); }
static CV_ALWAYS_INLINE int shortsLargest(const Shorts& a) { return v_reduce_max(a); }
// bit i: a > b and a >= c in lane i
static CV_ALWAYS_INLINE unsigned lanesAbove(const Shorts& a, const Shorts& b, const Shorts& c)
{
    return (unsigned)v_signmask(v_and(v_gt(a, b), v_ge(a, c)));
}

#else

typedef int Ints;
typedef short Shorts;
enum { SHORTS = 1 };

static inline Ints addProducts(Ints targets, Ints source, Ints a)
{
    return a + (short)targets * (short)source + (targets >> 16) * (source >> 16);
}

static inline Ints intsSet(int x) { return x; }
static inline Ints intsLoad(const int* p) { return *p; }
static inline Vec toFloats(Ints a) { return (float)a; }
static inline void storeRounded(schar* p, const Vec* a) { *p = saturate_cast<schar>(*a); }
static inline Shorts bytesLoad(const schar* p) { return *p; }
static inline Shorts shortsLoad(const short* p) { return *p; }
static inline Shorts shortsSet(short x) { return x; }
static inline void shortsStore(short* p, Shorts a) { *p = a; }
static inline Shorts shortsAdd(Shorts a, Shorts b) { return (Shorts)(a + b); }
static inline Shorts shortsMax(Shorts a, Shorts b) { return std::max(a, b); }
static inline bool anyAbove(Shorts a, Shorts b) { return a > b; }
static inline int shortsLargest(Shorts a) { return a; }
static inline unsigned lanesAbove(Shorts a, Shorts b, Shorts c) { return a > b && a >= c; }

#endif

enum
{
    // vectors and source cells at a time: as many sums as registers hold
    RUN_VECTORS = SHORTS / LANES,
    RUN_SOURCES = LANES >= 16 ? 8 : LANES >= 8 ? 4 : 2
};

// The I = sources · RUN_VECTORS sums, unrolled
template<int I> struct ProductOps
{
    static CV_ALWAYS_INLINE void set(Ints* acc, const int* bias)
    {
        ProductOps<I - 1>::set(acc, bias);
        acc[I - 1] = intsSet(bias[(I - 1) / RUN_VECTORS]);
    }
    static CV_ALWAYS_INLINE void add(Ints* acc, const int* source, int words, const Ints* targets)
    {
        ProductOps<I - 1>::add(acc, source, words, targets);
        acc[I - 1] = addProducts(targets[(I - 1) % RUN_VECTORS], intsSet(source[(I - 1) / RUN_VECTORS * words]), acc[I - 1]);
    }
};
template<> struct ProductOps<0>
{
    static CV_ALWAYS_INLINE void set(Ints*, const int*) {}
    static CV_ALWAYS_INLINE void add(Ints*, const int*, int, const Ints*) {}
};

// RUN_VECTORS vectors of products of integers as 8-bit values of a source cell's plane, from cell `at` on
static CV_ALWAYS_INLINE void storeValues(const DiagonalTask& task, int source, int at, const Ints* products, schar* plane)
{
    const Vec scale = vecSet(task.scale);
    Vec values[RUN_VECTORS];
    for (int i = 0; i < RUN_VECTORS; i++)
    {
        const Vec d = toFloats(products[i]);
        values[i] = vecMul(d, scale);
        if (!task.weights1)
            continue;
        const Vec weight1 = vecSet(task.weights1[source]), weight2 = vecLoad(task.weights2 + at + i * LANES);
        values[i] = vecMul(values[i], vecMul(vecMul(d, weight1), vecMul(d, weight2)));
    }
    storeRounded(plane + at, values);
}

// The sums of M cells, unrolled
template<int M> struct StoreOps
{
    static CV_ALWAYS_INLINE void store(const DiagonalTask& task, int source, int at, const Ints* acc, schar* planes)
    {
        StoreOps<M - 1>::store(task, source, at, acc, planes);
        storeValues(task, source + M - 1, at, acc + (M - 1) * RUN_VECTORS, planes + (size_t)(M - 1) * task.plane.size);
    }
};
template<> struct StoreOps<0>
{
    static CV_ALWAYS_INLINE void store(const DiagonalTask&, int, int, const Ints*, schar*) {}
};

// M cells of a row from `source` on with one block of target cells
template<int M> static void correlateBlock(const DiagonalTask& task, int source, int block, schar* planes)
{
    enum { I = M * RUN_VECTORS };
    for (int first = 0; first < PLANE_BLOCK; first += RUN_VECTORS * LANES)
    {
        const int* targets = task.words2 + (size_t)block * task.words * PLANE_BLOCK + first;
        const int* s = task.words1 + (size_t)source * task.words;
        Ints acc[I], t[RUN_VECTORS];
        ProductOps<I>::set(acc, task.bias1 + source);
        for (int w = 0; w < task.words; w++, targets += PLANE_BLOCK)
        {
            for (int i = 0; i < RUN_VECTORS; i++)
                t[i] = intsLoad(targets + i * LANES);
            ProductOps<I>::add(acc, s + w, task.words, t);
        }
        StoreOps<M>::store(task, source, block * PLANE_BLOCK + first, acc, planes);
    }
}

// M cells at a time, the rest by smaller M
template<int M> struct SourceRuns
{
    static void run(const DiagonalTask& task, int source, int n, int block, schar* planes)
    {
        for (; n >= M; n -= M, source += M, planes += (size_t)M * task.plane.size)
            correlateBlock<M>(task, source, block, planes);
        if (n > 0)
            SourceRuns<M / 2>::run(task, source, n, block, planes);
    }
};
template<> struct SourceRuns<0>
{
    static void run(const DiagonalTask&, int, int, int, schar*) {}
};

// Planes of the source cells [x0, x1) of a row; zeros for those outside grid 1. Block after block, each of which stays in the nearest
// cache while all source cells pass.
static void correlateRow(const DiagonalTask& task, int y, int x0, int x1, schar* planes)
{
    const bool exists = (unsigned)y < (unsigned)task.grid1.height;
    const int first = exists ? std::max(x0, 0) : x1, last = exists ? std::min(x1, task.grid1.width) : x1, size = task.plane.size;
    std::fill_n(planes, (size_t)(first - x0) * size, (schar)0);
    for (int block = task.plane.firstBlock; block < task.plane.lastBlock; block++)
        SourceRuns<RUN_SOURCES>::run(task, y * task.grid1.width + first, last - first, block, planes + (size_t)(first - x0) * size);
    std::fill_n(planes + (size_t)(last - x0) * size, (size_t)(x1 - last) * size, (schar)0);
}

// The weighted sum over 3×3 source cells at the same displacement, while rows of source cells come by. With s[i] = a[i − 1] +
// 2·b[i] + c[i + 1] of three cells beside each other in the last row:
//
//     sum[i] = s of the row before last at i − step, + 2·s of the row before at i, + s of the last row at i + step
//
// `before` holds s of the row before, `partial` the first two terms for the next call. Both are read a row of target cells behind
// where they are written, so this runs backwards.
static CV_ALWAYS_INLINE void addRow(const TargetPlane& plane, const schar* a, const schar* b, const schar* c, short* before,
                                    short* partial, short* sum)
{
    const int first = plane.first, step = plane.step, vectors = (plane.last + step - first + SHORTS - 1) / SHORTS;
    for (int i = first + (vectors - 1) * SHORTS; i >= first; i -= SHORTS)
    {
        const Shorts middle = bytesLoad(b + i);
        const Shorts s = shortsAdd(shortsAdd(bytesLoad(a + i - 1), middle), shortsAdd(middle, bytesLoad(c + i + 1)));
        const Shorts next = shortsAdd(shortsLoad(before + i - step), shortsAdd(s, s));
        shortsStore(sum + i - step, shortsAdd(shortsLoad(partial + i - step), s));
        shortsStore(partial + i, next);
        shortsStore(before + i, s);
    }
}

// dst = 4·src + its neighbours along both axes
static void smooth(const TargetPlane& plane, const short* src, short* dst)
{
    const int last = plane.last, step = plane.step;
    for (int i = plane.first; i < last; i += SHORTS)
    {
        const short* p = src + i;
        const Shorts twice = shortsAdd(shortsLoad(p), shortsLoad(p)), beside = shortsAdd(shortsLoad(p - 1), shortsLoad(p + 1));
        const Shorts above = shortsAdd(shortsLoad(p - step), shortsLoad(p + step));
        shortsStore(dst + i, shortsAdd(shortsAdd(twice, twice), shortsAdd(beside, above)));
    }
}

// Sets what lies around the grid
static void setFrame(const TargetPlane& plane, short value, short* values)
{
    for (int i = 0; i <= plane.step; i++)
        values[i] = values[plane.last + i] = value;
    for (int y = 0; y < plane.grid.height; y++)
        values[plane.indexOf(y, -1)] = value;
}

// Of the cells of the grid; the frame is less
static int largestOf(const TargetPlane& plane, const short* values)
{
    Shorts largest = shortsSet(SHRT_MIN);
    int i = plane.first;
    for (; i <= plane.last - SHORTS; i += SHORTS)
        largest = shortsMax(largest, shortsLoad(values + i));
    int result = shortsLargest(largest);
    for (; i < plane.last; i++)
        result = std::max<int>(result, values[i]);
    return result;
}

struct BestList
{
    int keep, count;
    int* cells;
    short* values;
    short low;  // what counts is above

    short least() const { return count < keep ? low : values[keep - 1]; }
    void insert(int cell, short value)  // after equal ones
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

// Local maxima are larger than the four neighbours before them in row-major order and not smaller than those after: one cell of a
// plateau.
static void scanPlane(const TargetPlane& plane, const short* values, BestList& best)
{
    const int step = plane.step, last = plane.last;
    for (int i = plane.first; i < last; i += SHORTS)
    {
        const short *p = values + i, *above = p - step, *below = p + step;
        const Shorts c = shortsLoad(p), least = shortsSet(best.least());
        if (!anyAbove(c, least))
            continue;
        const Shorts before = shortsMax(shortsMax(shortsLoad(above - 1), shortsLoad(above)),
                                        shortsMax(shortsLoad(above + 1), shortsLoad(p - 1)));
        const Shorts after = shortsMax(shortsMax(shortsLoad(below - 1), shortsLoad(below)),
                                       shortsMax(shortsLoad(below + 1), shortsLoad(p + 1)));
        for (unsigned lanes = lanesAbove(c, shortsMax(before, least), after); lanes; lanes &= lanes - 1)
        {
            const int lane = (int)trailingZeros32(lanes);
            if (i + lane < last && p[lane] > best.least())
                best.insert(plane.cellAt(i + lane), p[lane]);
        }
    }
}

// scratch: see diagonalScratch; cells, values {cells of grid 1, keep}
void diagonalMaximaOf(const DiagonalTask& task, const Rect& cells1, int keep, int* cells, short* values, short* scratch)
{
    const TargetPlane& plane = task.plane;
    const int n = cells1.width;
    const size_t size = plane.size;
    short *before = scratch, *partial = before + n * size, *sum = partial + n * size, *smoothed = sum + size;
    schar* row = (schar*)(smoothed + size);
    std::fill_n(scratch, diagonalScratch(plane, n), (short)0);
    for (int y = cells1.y - 1; y <= cells1.y + cells1.height; y++)
    {
        correlateRow(task, y, cells1.x - 1, cells1.x + n + 1, row);
        for (int x = 0; x < n; x++)
        {
            addRow(plane, row + x * size, row + (x + 1) * size, row + (x + 2) * size, before + x * size, partial + x * size, sum);
            if (y <= cells1.y)
                continue;
            setFrame(plane, 0, sum);
            smooth(plane, sum, smoothed);
            setFrame(plane, SHRT_MIN, smoothed);  // neither a maximum, nor does it hide one
            const int p = (y - 1) * task.grid1.width + cells1.x + x;
            const int low = std::max(largestOf(plane, smoothed) - task.margin - 1, SHRT_MIN);
            BestList best = { keep, 0, cells + (size_t)p * keep, values + (size_t)p * keep, (short)low };
            std::fill_n(best.cells, keep, -1);
            scanPlane(plane, smoothed, best);
        }
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
