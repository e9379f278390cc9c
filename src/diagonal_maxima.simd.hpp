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
void diagonalMaximaOf(const DiagonalTask& task, const Rect& cells1, int keep, int* cells, uchar* values, uchar* scratch);

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
typedef v_uint8 Bytes;
enum { BYTES = 4 * LANES };

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
static CV_ALWAYS_INLINE Ints rounded(const Vec& a) { return v_round(a); }
static CV_ALWAYS_INLINE void storeBytes(uchar* p, const Ints* a) { v_pack_u_store(p, v_pack(a[0], a[1])); }
// (a >> shift) · factor / 2^16
static CV_ALWAYS_INLINE void storeScaled(uchar* p, const Ints* a, int shift, short factor)
{
    v_pack_u_store(p, v_mul_hi(v_pack(v_shr(a[0], shift), v_shr(a[1], shift)), vx_setall_s16(factor)));
}
static CV_ALWAYS_INLINE Bytes bytesLoad(const uchar* p) { return vx_load(p); }
static CV_ALWAYS_INLINE Bytes bytesSet(uchar x) { return vx_setall_u8(x); }
static CV_ALWAYS_INLINE void bytesStore(uchar* p, const Bytes& a) { v_store(p, a); }
static CV_ALWAYS_INLINE Bytes bytesMin(const Bytes& a, const Bytes& b) { return v_min(a, b); }
static CV_ALWAYS_INLINE Bytes bytesMax(const Bytes& a, const Bytes& b) { return v_max(a, b); }
static CV_ALWAYS_INLINE bool anyAbove(const Bytes& a, const Bytes& b) { return v_check_any(v_gt(a, b)); }
static CV_ALWAYS_INLINE int bytesLargest(const Bytes& a) { return v_reduce_max(a); }
// bit i: a > b and a >= c in lane i
static CV_ALWAYS_INLINE uint64 lanesAbove(const Bytes& a, const Bytes& b, const Bytes& c)
{
    return (uint64)v_signmask(v_and(v_gt(a, b), v_ge(a, c))) & ~(uint64)0 >> (64 - BYTES);
}
// (a + b + 1) / 2
static CV_ALWAYS_INLINE Bytes bytesMean(const Bytes& a, const Bytes& b)
{
#if CV_SIMD512 && CV_AVX512_SKX
    return Bytes(_mm512_avg_epu8(a.val, b.val));
#elif CV_SIMD256 && CV_AVX2
    return Bytes(_mm256_avg_epu8(a.val, b.val));
#elif CV_SSE2 && !defined CV_FORCE_SIMD128_CPP
    return Bytes(_mm_avg_epu8(a.val, b.val));
#elif CV_NEON && !defined CV_FORCE_SIMD128_CPP
    return Bytes(vrhaddq_u8(a.val, b.val));
#else
    const v_uint16 halves = v_shr<1>(v_reinterpret_as_u16(v_xor(a, b)));
    return v_sub_wrap(v_or(a, b), v_and(v_reinterpret_as_u8(halves), vx_setall_u8(127)));
#endif
}

#else

typedef int Ints;
typedef uchar Bytes;
enum { BYTES = 1 };

static inline Ints addProducts(Ints targets, Ints source, Ints a)
{
    return a + (short)targets * (short)source + (targets >> 16) * (source >> 16);
}

static inline Ints intsSet(int x) { return x; }
static inline Ints intsLoad(const int* p) { return *p; }
static inline Vec toFloats(Ints a) { return (float)a; }
static inline Ints rounded(Vec a) { return cvRound(a); }
static inline void storeBytes(uchar* p, const Ints* a)
{
    for (int i = 0; i < 2; i++)
        p[i] = saturate_cast<uchar>(a[i]);
}
static inline void storeScaled(uchar* p, const Ints* a, int shift, short factor)
{
    for (int i = 0; i < 2; i++)
        p[i] = saturate_cast<uchar>((saturate_cast<short>(a[i] >> shift) * factor) >> 16);
}
static inline Bytes bytesLoad(const uchar* p) { return *p; }
static inline Bytes bytesSet(uchar x) { return x; }
static inline void bytesStore(uchar* p, Bytes a) { *p = a; }
static inline Bytes bytesMin(Bytes a, Bytes b) { return std::min(a, b); }
static inline Bytes bytesMax(Bytes a, Bytes b) { return std::max(a, b); }
static inline bool anyAbove(Bytes a, Bytes b) { return a > b; }
static inline int bytesLargest(Bytes a) { return a; }
static inline uint64 lanesAbove(Bytes a, Bytes b, Bytes c) { return a > b && a >= c; }
static inline Bytes bytesMean(Bytes a, Bytes b) { return (Bytes)((a + b + 1) / 2); }

#endif

enum
{
    // vectors and source cells at a time: as many sums as registers hold
    RUN_VECTORS = 2,
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
static CV_ALWAYS_INLINE void storeValues(const DiagonalTask& task, int source, int at, const Ints* products, uchar* plane)
{
    if (!task.weights1)
        return storeScaled(plane + at, products, task.shift, task.factor);
    const Vec scale = vecSet(task.scale), weight1 = vecSet(task.weights1[source]);
    Ints values[RUN_VECTORS];
    for (int i = 0; i < RUN_VECTORS; i++)
    {
        const Vec d = toFloats(products[i]), weight2 = vecLoad(task.weights2 + at + i * LANES);
        values[i] = rounded(vecMul(vecMul(d, scale), vecMul(vecMul(d, weight1), vecMul(d, weight2))));
    }
    storeBytes(plane + at, values);
}

// The sums of M cells, unrolled
template<int M> struct StoreOps
{
    static CV_ALWAYS_INLINE void store(const DiagonalTask& task, int source, int at, const Ints* acc, uchar* planes)
    {
        StoreOps<M - 1>::store(task, source, at, acc, planes);
        storeValues(task, source + M - 1, at, acc + (M - 1) * RUN_VECTORS, planes + (size_t)(M - 1) * task.plane.size);
    }
};
template<> struct StoreOps<0>
{
    static CV_ALWAYS_INLINE void store(const DiagonalTask&, int, int, const Ints*, uchar*) {}
};

// M cells of a row from `source` on with one block of target cells
template<int M> static void correlateBlock(const DiagonalTask& task, int source, int block, uchar* planes)
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
    static void run(const DiagonalTask& task, int source, int n, int block, uchar* planes)
    {
        for (; n >= M; n -= M, source += M, planes += (size_t)M * task.plane.size)
            correlateBlock<M>(task, source, block, planes);
        if (n > 0)
            SourceRuns<M / 2>::run(task, source, n, block, planes);
    }
};
template<> struct SourceRuns<0>
{
    static void run(const DiagonalTask&, int, int, int, uchar*) {}
};

// Planes of the source cells [x0, x1) of a row; zeros for those outside grid 1. Block after block, each of which stays in the nearest
// cache while all source cells pass.
static void correlateRow(const DiagonalTask& task, int y, int x0, int x1, uchar* planes)
{
    const bool exists = (unsigned)y < (unsigned)task.grid1.height;
    const int first = exists ? std::max(x0, 0) : x1, last = exists ? std::min(x1, task.grid1.width) : x1, size = task.plane.size;
    std::fill_n(planes, (size_t)(first - x0) * size, (uchar)0);
    for (int block = task.plane.firstBlock; block < task.plane.lastBlock; block++)
        SourceRuns<RUN_SOURCES>::run(task, y * task.grid1.width + first, last - first, block, planes + (size_t)(first - x0) * size);
    std::fill_n(planes + (size_t)(last - x0) * size, (size_t)(x1 - last) * size, (uchar)0);
}

enum
{
    STRIP = 4096,   // of planes, in bytes: strips of all that addRow reads for some columns stay in the nearest cache
    MEAN_CELLS = 1  // c is read a cell ahead
};

static_assert(STRIP % BYTES == 0 && PLANE_BLOCK % (RUN_VECTORS * LANES) == 0, "parts of planes are whole vectors");
static_assert(BYTES <= 2 * PLANE_BLOCK, "as TargetPlane::size counts on");

// Weighted means of 3×3 source cells at the same displacement, while rows of source cells come by: of three cells beside each other
//
//     s[i] = (a[i − 1] + 2·b[i] + c[i + 1]) / 4,
//
// and of this, of the last three rows,
//
//     mean[i] = (s of the row before last at i − step + 2·s of the row before at i + s of the last row at i + step) / 4,
//
// 0 outside grid 2. `older` holds s of the row before last, and gets that of the last row instead; a gets the mean, MEAN_CELLS and a row
// of target cells further. Both are read behind where they are written, also by other columns, so this runs backwards through [first,
// last) of a plane.
static void addRow(const TargetPlane& plane, int first, int last, const uchar* inside, uchar* a, const uchar* b, const uchar* c,
                   const uchar* before, uchar* older)
{
    const int step = plane.step;
    for (int i = last - BYTES; i >= first; i -= BYTES)
    {
        const Bytes s = bytesMean(bytesMean(bytesLoad(a + i - 1), bytesLoad(c + i + 1)), bytesLoad(b + i));
        const Bytes mean = bytesMean(bytesMean(bytesLoad(older + i - 2 * step), s), bytesLoad(before + i - step));
        bytesStore(a + i + MEAN_CELLS, bytesMin(mean, bytesLoad(inside + i - step)));
        bytesStore(older + i, s);
    }
}

// dst = half of src + half of the mean of its neighbours along both axes, at least 1, but 0 outside grid 2. Returns the largest value.
static int smooth(const TargetPlane& plane, const uchar* inside, const uchar* src, uchar* dst)
{
    const int last = plane.last, step = plane.step;
    const Bytes one = bytesSet(1);
    Bytes largest = one;
    for (int i = plane.first; i < last; i += BYTES)
    {
        const uchar* p = src + i;
        const Bytes beside = bytesMean(bytesLoad(p - 1), bytesLoad(p + 1)), above = bytesMean(bytesLoad(p - step), bytesLoad(p + step));
        const Bytes smoothed = bytesMax(bytesMean(bytesMean(beside, above), bytesLoad(p)), one);
        const Bytes value = bytesMin(smoothed, bytesLoad(inside + i));
        largest = bytesMax(largest, value);
        bytesStore(dst + i, value);
    }
    return bytesLargest(largest);
}

// 255 where cells of grid 2 are, 0 around them
static void markInside(const TargetPlane& plane, uchar* inside)
{
    std::fill_n(inside, plane.size, (uchar)0);
    for (int y = 0; y < plane.grid.height; y++)
        std::fill_n(inside + plane.indexOf(y, 0), plane.grid.width, (uchar)255);
}

struct BestList
{
    int keep, count;
    int* cells;
    uchar* values;
    uchar low;  // what counts is above

    uchar least() const { return count < keep ? low : values[keep - 1]; }
    void insert(int cell, uchar value)  // after equal ones
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

static CV_ALWAYS_INLINE int lowestLane(uint64 lanes)
{
    return (unsigned)lanes ? (int)trailingZeros32((unsigned)lanes) : 32 + (int)trailingZeros32((unsigned)(lanes >> 32));
}

// Local maxima are larger than the four neighbours before them in row-major order and not smaller than those after: one cell of a
// plateau.
static CV_ALWAYS_INLINE void scanVector(const TargetPlane& plane, const uchar* values, int i, BestList& best)
{
    const int step = plane.step;
    const uchar *p = values + i, *above = p - step, *below = p + step;
    const Bytes c = bytesLoad(p);
    const Bytes before = bytesMax(bytesMax(bytesLoad(above - 1), bytesLoad(above)), bytesMax(bytesLoad(above + 1), bytesLoad(p - 1)));
    const Bytes after = bytesMax(bytesMax(bytesLoad(below - 1), bytesLoad(below)), bytesMax(bytesLoad(below + 1), bytesLoad(p + 1)));
    for (uint64 lanes = lanesAbove(c, bytesMax(before, bytesSet(best.least())), after); lanes; lanes &= lanes - 1)
    {
        const int cell = i + lowestLane(lanes);
        if (cell < plane.last && values[cell] > best.least())
            best.insert(plane.cellAt(cell), values[cell]);
    }
}

// Few vectors hold anything that counts; which ones is hard to predict, so that they are found out first.
static void scanPlane(const TargetPlane& plane, const uchar* values, BestList& best)
{
    const Bytes low = bytesSet(best.low);
    for (int first = plane.first; first < plane.last; first += 64 * BYTES)
    {
        uint64 vectors = 0;
        for (int j = 0; j < 64 && first + j * BYTES < plane.last; j++)
            vectors |= (uint64)anyAbove(bytesLoad(values + first + j * BYTES), low) << j;
        for (; vectors; vectors &= vectors - 1)
            scanVector(plane, values, first + lowestLane(vectors) * BYTES, best);
    }
}

// scratch: see diagonalScratch; cells, values {cells of grid 1, keep}
void diagonalMaximaOf(const DiagonalTask& task, const Rect& cells1, int keep, int* cells, uchar* values, uchar* scratch)
{
    const TargetPlane& plane = task.plane;
    const int n = cells1.width;
    const size_t size = plane.size;
    uchar *inside = scratch, *smoothed = inside + size, *sums = smoothed + size, *row = sums + 2 * n * size;
    std::fill_n(scratch, diagonalScratch(plane, n), (uchar)0);
    markInside(plane, inside);
    for (int y = cells1.y - 1; y <= cells1.y + cells1.height; y++)
    {
        for (int x = 0; x < n; x++)
            std::fill_n(row + x * size + plane.last, plane.step + MEAN_CELLS, (uchar)0);  // held means
        correlateRow(task, y, cells1.x - 1, cells1.x + n + 1, row);
        for (int last = plane.first + divUp(plane.last + plane.step - plane.first, BYTES) * BYTES; last > plane.first; last -= STRIP)
            for (int x = 0; x < n; x++)
            {
                uchar *older = sums + (2 * x + (y & 1)) * size, *before = sums + (2 * x + 1 - (y & 1)) * size;
                addRow(plane, std::max(last - STRIP, plane.first), last, inside, row + x * size, row + (x + 1) * size,
                       row + (x + 2) * size, before, older);
            }
        for (int x = 0; x < n && y > cells1.y; x++)
        {
            const int low = std::max(smooth(plane, inside, row + x * size + plane.step + MEAN_CELLS, smoothed) - task.margin - 1, 0);
            const int p = (y - 1) * task.grid1.width + cells1.x + x;
            BestList best = { keep, 0, cells + (size_t)p * keep, values + (size_t)p * keep, (uchar)low };
            std::fill_n(best.cells, keep, -1);
            scanPlane(plane, smoothed, best);
        }
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
