// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "group_kernel.hpp"
#include "window_rows.hpp"
#include "winograd_scorer.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

// False, with nothing done that matters, if the buffers' limit is too small. `sites` grows by the hidden sites computed.
bool scoreWindow(const WinogradTask& task, const Window& window, WindowBuffers& buffers, int64& sites);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

// Into the second-level cache
static CV_ALWAYS_INLINE void prefetch(const float* p)
{
#if CV_SSE
    _mm_prefetch((const char*)p, _MM_HINT_T1);
#elif defined __GNUC__
    __builtin_prefetch(p, 0, 2);
#else
    CV_UNUSED(p);
#endif
}

enum { TILE_BATCH = 8 };  // hidden tiles at a time: as many sums as hide the latency of a multiplication

class WinogradRows CV_FINAL : public WindowRows
{
public:
    WinogradRows(const WinogradTask& task_, const Window& window_, WindowBuffers& buffers_)
        : WindowRows(task_.common, window_, buffers_, task_.common.correlation.kept != 0, GROUP_SOURCES), task(task_),
          tileFloats(common.orientations * WINDOW_SITES * WINDOW_CHANNELS), vectors((common.channels + LANES - 1) / LANES) {}

private:
    bool reserveGroups(int count) CV_OVERRIDE { return grow(buffers.groups, (size_t)count * GROUP); }
    void correlate(const int* sources, int n, int group, const unsigned* places) CV_OVERRIDE;
    bool makeTiles(int row) CV_OVERRIDE;
    bool hideRow(int row) CV_OVERRIDE;
    void residualOf(int row, int cell, int group, int offset, float* scores) CV_OVERRIDE;
    void scoreBlocks(int row, int cell, const int* blocks, int n, float* scores) CV_OVERRIDE;
    void scoreBlock(int row, int cell, int block, float* scores);

    const float* groupOf(int row, int cell, int group) const;
    void prefetchKept(int row, int i);
    void runBatch(const float* x, int n, const int* tileIndex, float* dst) const;

    const WinogradTask& task;
    const int tileFloats, vectors;
};

void WinogradRows::correlate(const int* sources, int n, int group, const unsigned* places)
{
    float* out[GROUP_SOURCES];
    for (int i = 0; i < n; i++)
        out[i] = buffers.groups.data() + (size_t)places[i] * GROUP;
    correlateGroup(v, sources, n, group, out);
}

// d {4, 4} of a tile: two rows from each of `upper` and `lower`, 4 floats apart. If `right` is 1 each row is the end of that row
// and the beginning of the row a group later.

#if CV_AVX512_SKX

static CV_ALWAYS_INLINE __m512 twoHalves(const float* upper, const float* lower)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(upper)), _mm256_loadu_ps(lower), 1);
}

// Lines of d in the order 0, 1, 2, 1 and 2, 2, 1, 3: d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]
static CV_ALWAYS_INLINE __m512 inputTransform(const __m512& first, const __m512& second, int negative)
{
    return _mm512_mask_sub_ps(_mm512_add_ps(first, second), (__mmask16)negative, first, second);
}

// dst {4, 4} = Bᵀ d B, transposed. Without a branch on `right`, which is as good as random.
static CV_ALWAYS_INLINE void transformWindow(const float* upper, const float* lower, int right, float* dst)
{
    CV_DECL_ALIGNED(64) static const int order[2][GROUP] = {
        { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        { 2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, 28, 29 } };
    const int next = right * GROUP;
    __m512 d = _mm512_permutex2var_ps(twoHalves(upper, lower), _mm512_load_si512(order[right]),
                                      twoHalves(upper + next, lower + next));
    // maskz: GCC 12 warns of an uninitialized value inside of the plain ones
    const __mmask16 all = 0xFFFF;
    d = inputTransform(_mm512_maskz_shuffle_f32x4(all, d, d, _MM_SHUFFLE(1, 2, 1, 0)),
                       _mm512_maskz_shuffle_f32x4(all, d, d, _MM_SHUFFLE(3, 1, 2, 2)), 0xFF0F);
    d = inputTransform(_mm512_maskz_permute_ps(all, d, _MM_SHUFFLE(1, 2, 1, 0)),
                       _mm512_maskz_permute_ps(all, d, _MM_SHUFFLE(3, 1, 2, 2)), 0xDDDD);
    const __m512i transposed = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_ps(dst, _mm512_maskz_permutexvar_ps(all, transposed, d));
}

#elif CV_SIMD128

// B = Winograd's input transform along the first index
static CV_ALWAYS_INLINE void inputTransform(v_float32x4* d)
{
    const v_float32x4 a = v_sub(d[0], d[2]), b = v_add(d[1], d[2]), c = v_sub(d[2], d[1]), e = v_sub(d[1], d[3]);
    d[0] = a;
    d[1] = b;
    d[2] = c;
    d[3] = e;
}

// dst {4, 4} = Bᵀ d B, transposed
static CV_ALWAYS_INLINE void transformWindow(const float* upper, const float* lower, int right, float* dst)
{
    v_float32x4 d[4] = { v_load(upper), v_load(upper + GROUP_SIDE), v_load(lower), v_load(lower + GROUP_SIDE) }, t[4];
    if (right)
    {
        d[0] = v_extract<2>(d[0], v_load(upper + GROUP));
        d[1] = v_extract<2>(d[1], v_load(upper + GROUP + GROUP_SIDE));
        d[2] = v_extract<2>(d[2], v_load(lower + GROUP));
        d[3] = v_extract<2>(d[3], v_load(lower + GROUP + GROUP_SIDE));
    }
    inputTransform(d);
    v_transpose4x4(d[0], d[1], d[2], d[3], t[0], t[1], t[2], t[3]);
    inputTransform(t);
    for (int y = 0; y < 4; y++)
        v_store(dst + 4 * y, t[y]);
}

#else

static inline void inputTransform(const float* d, size_t step, float* out, size_t outStep)
{
    out[0] = d[0] - d[2 * step];
    out[outStep] = d[step] + d[2 * step];
    out[2 * outStep] = d[2 * step] - d[step];
    out[3 * outStep] = d[step] - d[3 * step];
}

static inline void transformWindow(const float* upper, const float* lower, int right, float* dst)
{
    float d[WINDOW_TILE], t[WINDOW_TILE];
    for (int y = 0; y < 4; y++)
    {
        const float* row = (y < 2 ? upper : lower) + y % 2 * GROUP_SIDE;
        for (int x = 0; x < 4; x++)
            d[y * 4 + x] = !right ? row[x] : x < 2 ? row[x + 2] : row[x - 2 + GROUP];
    }
    for (int x = 0; x < 4; x++)
        inputTransform(d + x, 4, t + 4 * x, 1);
    for (int y = 0; y < 4; y++)
        inputTransform(t + y, 4, dst + y, 4);
}

#endif

CV_ALWAYS_INLINE const float* WinogradRows::groupOf(int row, int cell, int group) const
{
    if (!v.kept)
        return buffers.groups.data() + groupPlace(row, cell, group) * GROUP;
    const size_t source = (size_t)row * v.grid1.width + (window.x0 - WINDOW_HALO + cell);
    return v.kept + (source * v.groups.area() + group) * GROUP;
}

bool WinogradRows::makeTiles(int row)
{
    const SetRow& set = tileSet(row);
    std::vector<float>& items = tiles(row);
    if (!grow(items, (size_t)set.count * WINDOW_TILE))
        return false;
    std::fill_n(items.data(), (int)WINDOW_TILE, 0.f);
    const WindowTile* const table = common.tileTable;
    const Range inside = cellsInside(row, 0);
    for (int cell = inside.start; cell < inside.end; cell++)
    {
        const float* groups = v.kept ? groupOf(row, cell, 0) : buffers.groups.data();
        const unsigned* places = v.kept ? 0 : groupPlaces(row, cell);
        forEachItem(set, cell, [&](int tile, size_t place)
        {
            const WindowTile& t = table[tile];
            const size_t upper = places ? places[t.upper] : t.upper, lower = places ? places[t.lower] : t.lower;
            transformWindow(groups + upper * GROUP + t.upperHalf * (GROUP / 2), groups + lower * GROUP + (1 - t.upperHalf) * (GROUP / 2),
                            t.right, items.data() + place * WINDOW_TILE);
        });
    }
    return true;
}

void WinogradRows::residualOf(int row, int cell, int group, int offset, float* scores)
{
    const float* c = groupOf(row, cell, group) + offset;
    for (int j = 0; j < BLOCK; j++)
        scores[j] = common.residual * c[j / BLOCK_SIDE * GROUP_SIDE + j % BLOCK_SIDE];
}

// acc[b] += w · x[b][point], b < N
template<int N> struct BatchOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* x, const Vec& w)
    {
        BatchOps<N - 1>::fma(acc, x, w);
        acc[N - 1] = vecFma(vecSet(x[(N - 1) * WINDOW_TILE]), w, acc[N - 1]);
    }
};
template<> struct BatchOps<0>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, const Vec&) {}
};

// products {WINDOW_TILE, TILE_BATCH, LANES}: sums over the taps of grid 1 at each Winograd point. x {WINDOW_TAPS, TILE_BATCH, WINDOW_TILE}
static void multiplyPoints(const float* x, const float* weights, float* products)
{
    for (int point = 0; point < WINDOW_TILE; point++)
    {
        Vec acc[TILE_BATCH];
        VecArray<TILE_BATCH>::set(acc, vecSet(0.f));
        for (int tap = 0; tap < WINDOW_TAPS; tap++)
            BatchOps<TILE_BATCH>::fma(acc, x + tap * TILE_BATCH * WINDOW_TILE + point,
                                      vecLoad(weights + (point * WINDOW_TAPS + tap) * WINDOW_CHANNELS));
        VecArray<TILE_BATCH>::store(acc, products + point * TILE_BATCH * LANES);
    }
}

#if CV_SIMD
static CV_ALWAYS_INLINE Vec vecSub(const Vec& a, const Vec& b) { return v_sub(a, b); }
#else
static inline Vec vecSub(Vec a, Vec b) { return a - b; }
#endif

// dst {WINDOW_SITES, WINDOW_CHANNELS} = max(Aᵀ m A + bias, 0) of one tile; m {4, 4} transposed, `step` floats apart
static CV_ALWAYS_INLINE void outputTransform(const float* m, size_t step, const Vec& bias, float* dst)
{
    Vec upper[4], lower[4];
    for (int x = 0; x < 4; x++, m += 4 * step)
    {
        const Vec m1 = vecLoad(m + step), m2 = vecLoad(m + 2 * step);
        upper[x] = vecAdd(vecAdd(vecLoad(m), m1), m2);
        lower[x] = vecSub(vecSub(m1, m2), vecLoad(m + 3 * step));
    }
    const Vec zero = vecSet(0.f);
    vecStore(dst, vecMax(vecAdd(vecAdd(vecAdd(upper[0], upper[1]), upper[2]), bias), zero));
    vecStore(dst + WINDOW_CHANNELS, vecMax(vecAdd(vecSub(vecSub(upper[1], upper[2]), upper[3]), bias), zero));
    vecStore(dst + 2 * WINDOW_CHANNELS, vecMax(vecAdd(vecAdd(vecAdd(lower[0], lower[1]), lower[2]), bias), zero));
    vecStore(dst + 3 * WINDOW_CHANNELS, vecMax(vecAdd(vecSub(vecSub(lower[1], lower[2]), lower[3]), bias), zero));
}

// Sites of a tile that lie outside grid 2, for nets that pad each layer
static void clearOutside(const WindowTask& common, int tile, float* dst)
{
    for (int i = 0; i < common.orientations * WINDOW_SITES; i++, dst += WINDOW_CHANNELS)
        if (!common.siteInside(tile, i % WINDOW_SITES))
            std::fill_n(dst, (int)WINDOW_CHANNELS, 0.f);
}

// n ≤ TILE_BATCH hidden tiles to dst {n, tileFloats}; x {WINDOW_TAPS, TILE_BATCH, WINDOW_TILE}
void WinogradRows::runBatch(const float* x, int n, const int* tileIndex, float* dst) const
{
    CV_DECL_ALIGNED(64) float products[WINDOW_TILE * TILE_BATCH * LANES];
    for (int orientation = 0; orientation < common.orientations; orientation++)
        for (int i = 0; i < vectors; i++)
        {
            const float* weights = task.hiddenWeights + (size_t)orientation * WINDOW_TILE * WINDOW_TAPS * WINDOW_CHANNELS + i * LANES;
            multiplyPoints(x, weights, products);
            const Vec bias = vecLoad(task.hiddenBias + orientation * WINDOW_CHANNELS + i * LANES);
            for (int b = 0; b < n; b++)
                outputTransform(products + b * LANES, TILE_BATCH * LANES, bias,
                                dst + b * tileFloats + orientation * WINDOW_SITES * WINDOW_CHANNELS + i * LANES);
        }
    for (int b = 0; b < n && common.zeroOutside; b++)
        clearOutside(common, tileIndex[b], dst + b * tileFloats);
}

// Kept correlations lie in memory or a distant cache. They are fetched for word i of a row's sets ahead of makeTiles, while
// hideRow computes.
CV_ALWAYS_INLINE void WinogradRows::prefetchKept(int row, int i)
{
    const SetRow& set = tileSet(row);
    if (!v.kept || !set.bits[i])
        return;
    const int cell = i / set.words, firstTile = i % set.words * 64;
    const float* groups = groupOf(row, cell, 0);
    for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
    {
        const WindowTile& t = common.tileTable[firstTile + lowestBit(rest)];
        prefetch(groups + t.upper * GROUP);
        prefetch(groups + t.lower * GROUP);
        prefetch(groups + (t.upper + t.right) * GROUP);
        prefetch(groups + (t.lower + t.right) * GROUP);
    }
}

// x {WINDOW_TAPS, TILE_BATCH, WINDOW_TILE}, at the tile's place in the batch
static CV_ALWAYS_INLINE void gather(const WordTaps& taps, uint64 bit, float* x)
{
    for (int tap = 0; tap < WINDOW_TAPS; tap++, x += TILE_BATCH * WINDOW_TILE)
    {
        const float* src = taps.item(tap, bit, WINDOW_TILE);
        for (int i = 0; i < WINDOW_TILE; i += LANES)
            vecStore(x + i, vecLoad(src + i));
    }
}

bool WinogradRows::hideRow(int row)
{
    const SetRow& set = hiddenSet(row);
    std::vector<float>& items = hidden(row);
    if (!grow(items, (size_t)set.count * tileFloats))
        return false;
    std::fill_n(items.data(), ZERO_TILES * tileFloats, 0.f);
    CV_DECL_ALIGNED(64) float x[WINDOW_TAPS * TILE_BATCH * WINDOW_TILE] = { 0 };
    int tiles[TILE_BATCH], n = 0;
    float* dst = items.data() + ZERO_TILES * tileFloats;
    WordTaps taps;
    for (int i = set.words; i < (cells - 1) * set.words; i++)
    {
        prefetchKept(row + 2, i);
        if (set.bits[i])
            wordTaps(row, i / set.words, i % set.words, WINDOW_TILE, taps);
        for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
        {
            gather(taps, rest & (0 - rest), x + n * WINDOW_TILE);
            tiles[n++] = i % set.words * 64 + lowestBit(rest);
            if (n == TILE_BATCH)
            {
                runBatch(x, n, tiles, dst);
                dst += n * tileFloats;
                n = 0;
            }
        }
    }
    runBatch(x, n, tiles, dst);
    return true;
}

// One hidden site (Y, X) of the 4×4 that a block needs and one of the block's scores
template<int Y, int X, int SY, int SX> static CV_ALWAYS_INLINE void siteTap(Vec* acc, const Vec& h, const Vec* w)
{
    if (Y >= SY && Y - SY < 3 && X >= SX && X - SX < 3)
    {
        // even and odd rows apart: twice as many independent sums
        Vec& a = acc[Y % 2 * BLOCK + SY * 2 + SX];
        a = vecFma(h, w[std::max(Y - SY, 0) * 3 % WINDOW_TAPS + std::max(X - SX, 0)], a);
    }
}

template<int N> struct SiteOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* upper, const float* lower, size_t tileStep, const Vec* w)
    {
        SiteOps<N - 1>::fma(acc, upper, lower, tileStep, w);
        enum { Y = (N - 1) / 4, X = (N - 1) % 4, SITE = Y % 2 * 2 + X % 2 };
        const Vec h = vecLoad((Y < 2 ? upper : lower) + (X / 2) * tileStep + SITE * WINDOW_CHANNELS);
        siteTap<Y, X, 0, 0>(acc, h, w);
        siteTap<Y, X, 0, 1>(acc, h, w);
        siteTap<Y, X, 1, 0>(acc, h, w);
        siteTap<Y, X, 1, 1>(acc, h, w);
    }
};
template<> struct SiteOps<0>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, const float*, size_t, const Vec*) {}
};

// w[i] = weights of tap i
template<int N> struct TapWeights
{
    static CV_ALWAYS_INLINE void load(Vec* w, const float* p)
    {
        TapWeights<N - 1>::load(w, p);
        w[N - 1] = vecLoad(p + (N - 1) * WINDOW_CHANNELS);
    }
};
template<> struct TapWeights<0>
{
    static CV_ALWAYS_INLINE void load(Vec*, const float*) {}
};

// sums {BLOCK} of one orientation. tiles: for each tap of grid 1 the upper and the lower pair of tiles
static void sumBlock(const float* const* tiles, size_t tileStep, const float* weights, int vectors, float* sums)
{
    Vec acc[2 * BLOCK];
    VecArray<2 * BLOCK>::set(acc, vecSet(0.f));
    for (int i = 0; i < vectors; i++)
        for (int tap = 0; tap < WINDOW_TAPS; tap++)
        {
            Vec w[WINDOW_TAPS];
            TapWeights<WINDOW_TAPS>::load(w, weights + tap * WINDOW_TAPS * WINDOW_CHANNELS + i * LANES);
            SiteOps<16>::fma(acc, tiles[2 * tap] + i * LANES, tiles[2 * tap + 1] + i * LANES, tileStep, w);
        }
    for (int j = 0; j < BLOCK; j++)
        sums[j] = vecSum(vecAdd(acc[j], acc[j + BLOCK]));
}

void WinogradRows::scoreBlocks(int row, int cell, const int* blocks, int n, float* scores)
{
    for (int i = 0; i < n; i++)
        scoreBlock(row, cell, blocks[i], scores + i * BLOCK);
}

void WinogradRows::scoreBlock(int row, int cell, int block, float* scores)
{
    const int tile = block + block / common.blocks.width;
    const float* tiles[2 * WINDOW_TAPS];
    for (int tap = 0; tap < WINDOW_TAPS; tap++)
    {
        const int near = row + tap / 3 - 1;
        const SetRow& set = hiddenSet(near);
        const float* items = hidden(near).data();
        tiles[2 * tap] = items + set.place(cell + tap % 3 - 1, tile) * tileFloats;
        tiles[2 * tap + 1] = items + set.place(cell + tap % 3 - 1, tile + common.tiles.width) * tileFloats;
    }
    for (int orientation = 0; orientation < common.orientations; orientation++)
    {
        float sums[BLOCK];
        sumBlock(tiles, tileFloats, task.outWeights + (size_t)orientation * WINDOW_TAPS * WINDOW_TAPS * WINDOW_CHANNELS, vectors, sums);
        for (int tap = 0; tap < 2 * WINDOW_TAPS; tap++)
            tiles[tap] += WINDOW_SITES * WINDOW_CHANNELS;
        addOutputs(sums, scores);
    }
}

bool scoreWindow(const WinogradTask& task, const Window& window, WindowBuffers& buffers, int64& sites)
{
    return WinogradRows(task, window, buffers).run(sites);
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
