// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "byte_products.hpp"
#include "rounded_scorer.hpp"
#include "window_rows.hpp"
#include "opencv2/core/hal/intrin.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

// Whether four products of bytes are one instruction, and any order of bytes; without that there is no scoreRounded
bool multipliesBytes();
// As WindowedScorer::scoreWindow
bool scoreRounded(const RoundedTask& task, const Window& window, WindowBuffers& buffers, int64& sites);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

#if CV_AVX_512VNNI && CV_AVX_512VBMI

bool multipliesBytes()
{
    return true;
}

enum
{
    ZERO_BYTE = 128,   // correlation 0
    GROUP_FLOATS = GROUP / sizeof(float),
    TILE_FLOATS = WINDOW_TILE / sizeof(float),
    HIDDEN_TILE = WINDOW_SITES * WINDOW_CHANNELS,  // bytes, as many as a vector holds
    SOURCES = 8,       // that are correlated together
    KERNEL_WORD = WINDOW_CHANNELS * PER_WORD,  // bytes, as many as a vector holds
    FOUR_TILES = WINDOW_TILE * PER_WORD,       // likewise
    PATCH = (INTERLEAVED + 1) * FOUR_TILES,    // bytes: the correlations that a hidden tile reads, see makePatch
    ROUNDED_BATCH = 3,           // hidden tiles at a time, of WINDOW_SITES sums each: with more GCC 12 stores some on the way
    PATCHES = 2 * ROUNDED_BATCH  // made at a time, so that what was stored can be read without waiting
};

// maskz: GCC 12 warns of an uninitialized value inside of the plain ones
static CV_ALWAYS_INLINE __m512i toInts(const __m512& a) { return _mm512_maskz_cvtps_epi32((__mmask16)0xFFFF, a); }
static CV_ALWAYS_INLINE __m512 toFloats(const __m512i& a) { return _mm512_maskz_cvtepi32_ps((__mmask16)0xFFFF, a); }
static CV_ALWAYS_INLINE __m128i toSignedBytes(const __m512i& a) { return _mm512_maskz_cvtsepi32_epi8((__mmask16)0xFFFF, a); }
static CV_ALWAYS_INLINE __m128i toBytes(const __m512i& a) { return _mm512_maskz_cvtusepi32_epi8((__mmask16)0xFFFF, a); }
static CV_ALWAYS_INLINE __m512 positive(const __m512& a) { return _mm512_maskz_max_ps((__mmask16)0xFFFF, a, _mm512_setzero_ps()); }

class RoundedRows CV_FINAL : public WindowRows
{
public:
    RoundedRows(const RoundedTask& task_, const Window& window_, WindowBuffers& buffers_)
        : WindowRows(task_.common, window_, buffers_, false, SOURCES), task(task_),
          tileBytes(common.orientations * HIDDEN_TILE) {}

private:
    bool reserveGroups(int count) CV_OVERRIDE { return grow(buffers.groups, (size_t)(count + 1) * GROUP_FLOATS); }
    void correlate(const int* sources, int n, int group, const unsigned* places) CV_OVERRIDE;
    bool makeTiles(int row) CV_OVERRIDE;
    bool hideRow(int row) CV_OVERRIDE;
    void residualOf(int row, int cell, int group, int offset, float* scores) CV_OVERRIDE;
    void scoreBlocks(int row, int cell, const int* blocks, int n, float* scores) CV_OVERRIDE;

    uchar* groupAt(size_t place) { return (uchar*)buffers.groups.data() + place * GROUP; }
    uchar* groupOf(int row, int cell, int group) { return groupAt(groupPlace(row, cell, group)); }
    uchar* hiddenBytes(int row) { return (uchar*)hidden(row).data(); }
    template<int N> void sumBlocks(int row, int cell, const int* blocks, float* scores);
    void hidePatches(const uchar* patches, int n, const int* tileIndex, uchar* dst) const;

    const RoundedTask& task;
    const int tileBytes;
};

// acc[m] += products of the targets with source m, m < M
template<int M> struct SourceOps
{
    static CV_ALWAYS_INLINE void set(__m512i* acc, const RoundedTask& task, const int* sources)
    {
        SourceOps<M - 1>::set(acc, task, sources);
        acc[M - 1] = _mm512_set1_epi32(task.bias1[sources[M - 1]]);
    }
    static CV_ALWAYS_INLINE void add(__m512i* acc, const __m512i& targets, const int* const* f1, int word)
    {
        SourceOps<M - 1>::add(acc, targets, f1, word);
        addByteProducts(acc[M - 1], targets, _mm512_set1_epi32(f1[M - 1][word]));
    }
    // as bytes
    static CV_ALWAYS_INLINE void store(const __m512i* acc, const RoundedTask& task, const int* sources, int group, uchar* const* out)
    {
        SourceOps<M - 1>::store(acc, task, sources, group, out);
        __m512 c = _mm512_mul_ps(toFloats(acc[M - 1]), _mm512_set1_ps(task.unit));
        const CorrelationView& v = task.common.correlation;
        if (v.best1)
        {
            const __m512 best = _mm512_mul_ps(_mm512_loadu_ps(v.best2 + (size_t)group * GROUP),
                                              _mm512_set1_ps(v.best1[sources[M - 1]]));
            c = _mm512_mul_ps(c, _mm512_div_ps(_mm512_mul_ps(c, c), best));
        }
        const __m512i rounded = toInts(_mm512_mul_ps(c, _mm512_set1_ps(127 / task.range)));
        _mm_storeu_si128((__m128i*)out[M - 1], _mm_xor_si128(toSignedBytes(rounded), _mm_set1_epi8((char)ZERO_BYTE)));
    }
};
template<> struct SourceOps<0>
{
    static CV_ALWAYS_INLINE void set(__m512i*, const RoundedTask&, const int*) {}
    static CV_ALWAYS_INLINE void add(__m512i*, const __m512i&, const int* const*, int) {}
    static CV_ALWAYS_INLINE void store(const __m512i*, const RoundedTask&, const int*, int, uchar* const*) {}
};

// out[m] {GROUP} of M sources, the rest of n by smaller M
template<int M> static void correlateBytes(const RoundedTask& task, const int* sources, int n, int group, uchar* const* out)
{
    if (n < M)
        return correlateBytes<M - 1>(task, sources, n, group, out);
    const int* f1[M];
    for (int m = 0; m < M; m++)
        f1[m] = task.words1 + (size_t)sources[m] * task.words;
    __m512i acc[M];
    SourceOps<M>::set(acc, task, sources);
    const int* targets = task.words2 + (size_t)group * task.words * GROUP;
    for (int w = 0; w < task.words; w++, targets += GROUP)
        SourceOps<M>::add(acc, _mm512_loadu_si512(targets), f1, w);
    SourceOps<M>::store(acc, task, sources, group, out);
}
template<> void correlateBytes<0>(const RoundedTask&, const int*, int, int, uchar* const*) {}

void RoundedRows::correlate(const int* sources, int n, int group, const unsigned* places)
{
    uchar* out[SOURCES];
    for (int i = 0; i < n; i++)
        out[i] = groupAt(places[i]);
    correlateBytes<SOURCES>(task, sources, n, group, out);
}

// Two rows of a tile, from half a group, or from the ends of its rows and the beginnings of those a group later
static CV_ALWAYS_INLINE __m128i twoRows(const uchar* half, const __m128i& order)
{
    const __m128i both = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i*)half), _mm_loadl_epi64((const __m128i*)(half + GROUP)));
    return _mm_shuffle_epi8(both, order);
}

bool RoundedRows::makeTiles(int row)
{
    const SetRow& set = tileSet(row);
    if (!grow(tiles(row), (size_t)set.count * TILE_FLOATS))
        return false;
    uchar* items = (uchar*)tiles(row).data();
    std::fill_n(items, (int)WINDOW_TILE, (uchar)ZERO_BYTE);
    const __m128i orders[] = { _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1),
                               _mm_setr_epi8(2, 3, 8, 9, 6, 7, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1) };
    const WindowTile* const table = common.tileTable;
    const uchar* groups = groupAt(0);
    const Range inside = cellsInside(row, 0);
    for (int cell = inside.start; cell < inside.end; cell++)
    {
        const unsigned* places = groupPlaces(row, cell);
        forEachItem(set, cell, [&](int tile, size_t place)
        {
            const WindowTile& t = table[tile];
            const __m128i order = orders[t.right];
            const uchar* upper = groups + (size_t)places[t.upper] * GROUP + t.upperHalf * (GROUP / 2);
            const uchar* lower = groups + (size_t)places[t.lower] * GROUP + (1 - t.upperHalf) * (GROUP / 2);
            _mm_storeu_si128((__m128i*)(items + place * WINDOW_TILE), _mm_unpacklo_epi64(twoRows(upper, order), twoRows(lower, order)));
        });
    }
    return true;
}

void RoundedRows::residualOf(int row, int cell, int group, int offset, float* scores)
{
    const float residual = common.residual * task.range / 127;
    const uchar* c = groupOf(row, cell, group) + offset;
    for (int j = 0; j < BLOCK; j++)
        scores[j] = residual * (c[j / BLOCK_SIDE * GROUP_SIDE + j % BLOCK_SIDE] - (int)ZERO_BYTE);
}

static CV_ALWAYS_INLINE __m512i wordAt(const uchar* p)
{
    int word;
    memcpy(&word, p, sizeof(word));
    return _mm512_set1_epi32(word);
}

// patch {INTERLEAVED, WINDOW_TILE, PER_WORD}: bytes of the tiles of four source cells in turn; then the tile of the ninth
static CV_ALWAYS_INLINE void makePatch(const uchar* const* tiles, uchar* patch)
{
    CV_DECL_ALIGNED(64) static const uchar order[64] = {
        0, 16, 32, 48, 1, 17, 33, 49, 2, 18, 34, 50, 3, 19, 35, 51, 4, 20, 36, 52, 5, 21, 37, 53, 6, 22, 38, 54, 7, 23, 39, 55,
        8, 24, 40, 56, 9, 25, 41, 57, 10, 26, 42, 58, 11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63 };
    const __m512i interleave = _mm512_load_si512(order);
    for (int i = 0; i < INTERLEAVED; i++, tiles += PER_WORD)
    {
        __m512i four = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i*)tiles[0]));
        four = _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i*)tiles[1]), 1);
        four = _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i*)tiles[2]), 2);
        four = _mm512_inserti32x4(four, _mm_loadu_si128((const __m128i*)tiles[3]), 3);
        _mm512_store_si512(patch + i * FOUR_TILES, _mm512_maskz_permutexvar_epi8(~(__mmask64)0, interleave, four));
    }
    _mm_store_si128((__m128i*)(patch + INTERLEAVED * FOUR_TILES), _mm_loadu_si128((const __m128i*)tiles[0]));
}

// The product of a word of correlations at a position of a tile's 4×4 for one of its sites. w: the kernel's nine words
template<int POSITION, int SITE> static CV_ALWAYS_INLINE void addSite(__m512i* acc, const __m512i& word, const __m512i* w)
{
    enum { Y = POSITION / 4 - SITE / 2, X = POSITION % 4 - SITE % 2 };
    if (Y >= 0 && Y < 3 && X >= 0 && X < 3)
        addByteProducts(acc[SITE], word, w[std::max((int)Y, 0) * 3 % WINDOW_TAPS + std::max((int)X, 0) % 3]);
}

// acc {N, WINDOW_SITES}: sums of N hidden tiles; patches {N, PATCH}
template<int N> struct TileOps
{
    static CV_ALWAYS_INLINE void set(__m512i* acc)
    {
        TileOps<N - 1>::set(acc);
        __m512i* a = acc + (N - 1) * WINDOW_SITES;
        a[0] = a[1] = a[2] = a[3] = _mm512_setzero_si512();
    }
    // one position of the interleaved tiles
    template<int POSITION> static CV_ALWAYS_INLINE void addPosition(__m512i* acc, const uchar* patches, const __m512i* w)
    {
        TileOps<N - 1>::template addPosition<POSITION>(acc, patches, w);
        const __m512i word = wordAt(patches + (N - 1) * PATCH + POSITION * PER_WORD);
        __m512i* a = acc + (N - 1) * WINDOW_SITES;
        addSite<POSITION, 0>(a, word, w);
        addSite<POSITION, 1>(a, word, w);
        addSite<POSITION, 2>(a, word, w);
        addSite<POSITION, 3>(a, word, w);
    }
    // from column X of row Y of the ninth tile, with up to a byte beyond it, which meets a zero; w: the kernel's three rows
    template<int Y, int X> static CV_ALWAYS_INLINE void addRow(__m512i* acc, const uchar* patches, const __m512i* w)
    {
        TileOps<N - 1>::template addRow<Y, X>(acc, patches, w);
        const __m512i word = wordAt(patches + (N - 1) * PATCH + Y * 4 + X);
        __m512i* a = acc + (N - 1) * WINDOW_SITES;
        if (Y < 3)
            addByteProducts(a[X], word, w[Y % 3]);
        if (Y > 0)
            addByteProducts(a[2 + X], word, w[(Y + 2) % 3]);
    }
    static CV_ALWAYS_INLINE void store(const __m512i* acc, const __m512& scale, const __m512& shift, int tileBytes, uchar* dst)
    {
        TileOps<N - 1>::store(acc, scale, shift, tileBytes, dst);
        for (int i = 0; i < WINDOW_SITES; i++)
        {
            const __m512 h = _mm512_fmadd_ps(toFloats(acc[(N - 1) * WINDOW_SITES + i]), scale, shift);
            const __m512i rounded = toInts(positive(h));
            _mm_storeu_si128((__m128i*)(dst + (N - 1) * tileBytes + i * WINDOW_CHANNELS), toBytes(rounded));
        }
    }
};
template<> struct TileOps<0>
{
    static CV_ALWAYS_INLINE void set(__m512i*) {}
    template<int> static CV_ALWAYS_INLINE void addPosition(__m512i*, const uchar*, const __m512i*) {}
    template<int, int> static CV_ALWAYS_INLINE void addRow(__m512i*, const uchar*, const __m512i*) {}
    static CV_ALWAYS_INLINE void store(const __m512i*, const __m512&, const __m512&, int, uchar*) {}
};

// N positions of a batch's interleaved tiles
template<int N> static CV_ALWAYS_INLINE void addPositions(__m512i* acc, const uchar* patches, const __m512i* w)
{
    addPositions<N - 1>(acc, patches, w);
    TileOps<ROUNDED_BATCH>::addPosition<N - 1>(acc, patches, w);
}
template<> CV_ALWAYS_INLINE void addPositions<0>(__m512i*, const uchar*, const __m512i*) {}

// w[i] = words of a kernel, i < N
template<int N> static CV_ALWAYS_INLINE void loadWords(const schar* weights, __m512i* w)
{
    loadWords<N - 1>(weights, w);
    w[N - 1] = _mm512_loadu_si512(weights + (N - 1) * KERNEL_WORD);
}
template<> CV_ALWAYS_INLINE void loadWords<0>(const schar*, __m512i*) {}

// acc {ROUNDED_BATCH, WINDOW_SITES}: a batch's sums over all words
static CV_ALWAYS_INLINE void sumBatch(const uchar* patches, const schar* weights, __m512i* acc)
{
    typedef TileOps<ROUNDED_BATCH> Batch;
    __m512i w[WINDOW_TAPS];
    Batch::set(acc);
    static_assert(INTERLEAVED == 2, "GCC 12 stores the sums in every turn of a loop");
    loadWords<WINDOW_TAPS>(weights, w);
    addPositions<WINDOW_TILE>(acc, patches, w);
    loadWords<WINDOW_TAPS>(weights + WINDOW_TAPS * KERNEL_WORD, w);
    addPositions<WINDOW_TILE>(acc, patches + FOUR_TILES, w);
    loadWords<ROW_WORDS>(weights + 2 * WINDOW_TAPS * KERNEL_WORD, w);
    patches += 2 * FOUR_TILES;
    Batch::addRow<0, 0>(acc, patches, w);
    Batch::addRow<0, 1>(acc, patches, w);
    Batch::addRow<1, 0>(acc, patches, w);
    Batch::addRow<1, 1>(acc, patches, w);
    Batch::addRow<2, 0>(acc, patches, w);
    Batch::addRow<2, 1>(acc, patches, w);
    Batch::addRow<3, 0>(acc, patches, w);
    Batch::addRow<3, 1>(acc, patches, w);
}

// Hidden tiles to dst {PATCHES, tileBytes}, of which n are wanted; patches {PATCHES, PATCH}
void RoundedRows::hidePatches(const uchar* patches, int n, const int* tileIndex, uchar* dst) const
{
    for (int orientation = 0; orientation < common.orientations; orientation++)
    {
        const __m512 scale = _mm512_loadu_ps(task.hiddenScale + orientation * WINDOW_CHANNELS);
        const __m512 shift = _mm512_loadu_ps(task.hiddenShift + orientation * WINDOW_CHANNELS);
        for (int i = 0; i < n; i += ROUNDED_BATCH)
        {
            __m512i acc[ROUNDED_BATCH * WINDOW_SITES];
            sumBatch(patches + i * PATCH, task.hiddenWeights + (size_t)orientation * KERNEL_WORDS * KERNEL_WORD, acc);
            TileOps<ROUNDED_BATCH>::store(acc, scale, shift, tileBytes, dst + i * tileBytes + orientation * HIDDEN_TILE);
        }
    }
    for (int b = 0; b < n && common.zeroOutside; b++)
        for (int i = 0; i < tileBytes; i += WINDOW_CHANNELS)
            if (!common.siteInside(tileIndex[b], i / WINDOW_CHANNELS % WINDOW_SITES))
                std::fill_n(dst + b * tileBytes + i, (int)WINDOW_CHANNELS, (uchar)0);
}

bool RoundedRows::hideRow(int row)
{
    const SetRow& set = hiddenSet(row);
    // a batch may be filled up
    if (!grow(hidden(row), ((size_t)set.count + ROUNDED_BATCH) * tileBytes / sizeof(float)))
        return false;
    uchar* dst = hiddenBytes(row);
    std::fill_n(dst, ZERO_TILES * tileBytes, (uchar)0);
    dst += ZERO_TILES * tileBytes;
    CV_DECL_ALIGNED(64) uchar patches[PATCHES * PATCH] = { 0 };
    int tileIndex[PATCHES], n = 0;
    WordTaps taps;
    for (int i = set.words; i < (cells - 1) * set.words; i++)
    {
        if (!set.bits[i])
            continue;
        const int word = i % set.words;
        wordTaps(row, i / set.words, word, TILE_FLOATS, taps);
        for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
        {
            const uchar* items[WINDOW_TAPS];
            for (int tap = 0; tap < WINDOW_TAPS; tap++)
                items[tap] = (const uchar*)taps.item(tap, rest & (0 - rest), TILE_FLOATS);
            makePatch(items, patches + n * PATCH);
            tileIndex[n++] = word * 64 + lowestBit(rest);
            if (n == PATCHES)
            {
                hidePatches(patches, n, tileIndex, dst);
                dst += n * tileBytes;
                n = 0;
            }
        }
    }
    hidePatches(patches, n, tileIndex, dst);
    return true;
}

// acc {N, BLOCK} += products of a hidden tile of each of N blocks with the weights of its scores
template<int N> static CV_ALWAYS_INLINE void addTiles(__m512i* acc, const uchar* const* tiles, int offset, const schar* weights)
{
    __m512i h[N];
    for (int i = 0; i < N; i++)
        h[i] = _mm512_loadu_si512(tiles[i] + offset);
    for (int j = 0; j < BLOCK; j++)
    {
        const __m512i w = _mm512_loadu_si512(weights + j * HIDDEN_TILE);
        for (int i = 0; i < N; i++)
            addByteProducts(acc[i * BLOCK + j], h[i], w);
    }
}

// N blocks of a cell: each loaded vector of weights serves all of them
template<int N> void RoundedRows::sumBlocks(int row, int cell, const int* blocks, float* scores)
{
    const int pair = BLOCK * HIDDEN_TILE;
    int tiles[N];
    for (int i = 0; i < N; i++)
        tiles[i] = blocks[i] + blocks[i] / common.blocks.width;
    for (int orientation = 0; orientation < common.orientations; orientation++)
    {
        const schar* weights = task.outWeights + (size_t)orientation * WINDOW_TAPS * 4 * pair;
        __m512i acc[N * BLOCK];
        for (int i = 0; i < N * BLOCK; i++)
            acc[i] = _mm512_setzero_si512();
        for (int tap = 0; tap < WINDOW_TAPS; tap++, weights += 4 * pair)
        {
            const int near = row + tap / 3 - 1, nearCell = cell + tap % 3 - 1;
            const SetRow& set = hiddenSet(near);
            const uchar* items = hiddenBytes(near) + orientation * HIDDEN_TILE;
            const uchar *upper[N], *lower[N];
            for (int i = 0; i < N; i++)
            {
                upper[i] = items + set.place(nearCell, tiles[i]) * tileBytes;
                lower[i] = items + set.place(nearCell, tiles[i] + common.tiles.width) * tileBytes;
            }
            addTiles<N>(acc, upper, 0, weights);
            addTiles<N>(acc, upper, tileBytes, weights + pair);
            addTiles<N>(acc, lower, 0, weights + 2 * pair);
            addTiles<N>(acc, lower, tileBytes, weights + 3 * pair);
        }
        for (int i = 0; i < N; i++)
        {
            float sums[BLOCK];
            for (int j = 0; j < BLOCK; j++)
                sums[j] = v_reduce_sum(v_int32x16(acc[i * BLOCK + j])) * task.outScale;
            addOutputs(sums, scores + i * BLOCK);
        }
    }
}

void RoundedRows::scoreBlocks(int row, int cell, const int* blocks, int n, float* scores)
{
    int i = 0;
    for (; i + 2 <= n; i += 2)
        sumBlocks<2>(row, cell, blocks + i, scores + i * BLOCK);
    if (i < n)
        sumBlocks<1>(row, cell, blocks + i, scores + i * BLOCK);
}

bool scoreRounded(const RoundedTask& task, const Window& window, WindowBuffers& buffers, int64& sites)
{
    return RoundedRows(task, window, buffers).run(sites);
}

#else

bool multipliesBytes()
{
    return false;
}

bool scoreRounded(const RoundedTask&, const Window&, WindowBuffers&, int64&)
{
    CV_Error(Error::StsNotImplemented, "the processor does not multiply bytes");
}

#endif

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
