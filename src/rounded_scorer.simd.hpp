// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "rounded_scorer.hpp"
#include "window_rows.hpp"
#include "opencv2/core/hal/intrin.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

// Whether four products of bytes are one instruction; without it there is no scoreRounded
bool multipliesBytes();
// As WindowedScorer::scoreWindow
bool scoreRounded(const RoundedTask& task, const Window& window, WindowBuffers& buffers, int64& sites);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

#if CV_AVX_512VNNI

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
    ROUNDED_BATCH = 2  // hidden tiles at a time, of WINDOW_SITES sums each: with more GCC 12 moves sums about
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
    void scoreBlock(int row, int cell, int block, float* scores) CV_OVERRIDE;

    uchar* groupAt(size_t place) { return (uchar*)buffers.groups.data() + place * GROUP; }
    uchar* groupOf(int row, int cell, int group) { return groupAt(groupPlace(row, cell, group)); }
    uchar* hiddenBytes(int row) { return (uchar*)hidden(row).data(); }
    void hideBatch(const uchar* const (*tileTaps)[ROUNDED_BATCH], int n, const int* tileIndex, uchar* dst) const;

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
        acc[M - 1] = _mm512_dpbusd_epi32(acc[M - 1], targets, _mm512_set1_epi32(f1[M - 1][word]));
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
    // the last tile's last word reaches a byte further
    if (!grow(tiles(row), (size_t)(set.count + 1) * TILE_FLOATS))
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

// acc {N, WINDOW_SITES}: sums of N tiles over the taps of grid 2, for one of grid 1. w: the kernel's three rows
template<int N> struct TileOps
{
    static CV_ALWAYS_INLINE void set(__m512i* acc)
    {
        TileOps<N - 1>::set(acc);
        for (int i = 0; i < WINDOW_SITES; i++)
            acc[(N - 1) * WINDOW_SITES + i] = _mm512_setzero_si512();
    }
    static CV_ALWAYS_INLINE void add(__m512i* acc, const uchar* const* tiles, const __m512i* w)
    {
        TileOps<N - 1>::add(acc, tiles, w);
        __m512i* a = acc + (N - 1) * WINDOW_SITES;
        const uchar* tile = tiles[N - 1];
        for (int x = 0; x < 2; x++)
        {
            const __m512i row0 = wordAt(tile + x), row1 = wordAt(tile + 4 + x);
            const __m512i row2 = wordAt(tile + 8 + x), row3 = wordAt(tile + 12 + x);
            a[x] = _mm512_dpbusd_epi32(a[x], row0, w[0]);
            a[2 + x] = _mm512_dpbusd_epi32(a[2 + x], row1, w[0]);
            a[x] = _mm512_dpbusd_epi32(a[x], row1, w[1]);
            a[2 + x] = _mm512_dpbusd_epi32(a[2 + x], row2, w[1]);
            a[x] = _mm512_dpbusd_epi32(a[x], row2, w[2]);
            a[2 + x] = _mm512_dpbusd_epi32(a[2 + x], row3, w[2]);
        }
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
    static CV_ALWAYS_INLINE void add(__m512i*, const uchar* const*, const __m512i*) {}
    static CV_ALWAYS_INLINE void store(const __m512i*, const __m512&, const __m512&, int, uchar*) {}
};

// Hidden tiles to dst {ROUNDED_BATCH, tileBytes}, of which n are wanted; tileTaps {WINDOW_TAPS, ROUNDED_BATCH}
void RoundedRows::hideBatch(const uchar* const (*tileTaps)[ROUNDED_BATCH], int n, const int* tileIndex, uchar* dst) const
{
    for (int orientation = 0; orientation < common.orientations; orientation++)
    {
        const schar* weights = task.hiddenWeights + (size_t)orientation * WINDOW_TAPS * 3 * HIDDEN_TILE;
        __m512i acc[ROUNDED_BATCH * WINDOW_SITES];
        TileOps<ROUNDED_BATCH>::set(acc);
        for (int tap = 0; tap < WINDOW_TAPS; tap++, weights += 3 * HIDDEN_TILE)
        {
            const __m512i w[] = { _mm512_loadu_si512(weights), _mm512_loadu_si512(weights + HIDDEN_TILE),
                                  _mm512_loadu_si512(weights + 2 * HIDDEN_TILE) };
            TileOps<ROUNDED_BATCH>::add(acc, tileTaps[tap], w);
        }
        TileOps<ROUNDED_BATCH>::store(acc, _mm512_loadu_ps(task.hiddenScale + orientation * WINDOW_CHANNELS),
                                      _mm512_loadu_ps(task.hiddenShift + orientation * WINDOW_CHANNELS), tileBytes,
                                      dst + orientation * HIDDEN_TILE);
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
    const uchar* tileTaps[WINDOW_TAPS][ROUNDED_BATCH];
    for (int i = 0; i < WINDOW_TAPS * ROUNDED_BATCH; i++)
        tileTaps[i / ROUNDED_BATCH][i % ROUNDED_BATCH] = (const uchar*)tiles(row).data();
    int tileIndex[ROUNDED_BATCH], n = 0;
    WordTaps taps;
    for (int i = set.words; i < (cells - 1) * set.words; i++)
    {
        if (!set.bits[i])
            continue;
        const int word = i % set.words;
        wordTaps(row, i / set.words, word, TILE_FLOATS, taps);
        for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
        {
            for (int tap = 0; tap < WINDOW_TAPS; tap++)
                tileTaps[tap][n] = (const uchar*)taps.item(tap, rest & (0 - rest), TILE_FLOATS);
            tileIndex[n++] = word * 64 + lowestBit(rest);
            if (n == ROUNDED_BATCH)
            {
                hideBatch(tileTaps, n, tileIndex, dst);
                dst += n * tileBytes;
                n = 0;
            }
        }
    }
    hideBatch(tileTaps, n, tileIndex, dst);
    return true;
}

// acc[j] += products of a hidden tile with the weights of score j of the block
static CV_ALWAYS_INLINE void addTile(__m512i* acc, const uchar* tile, const schar* weights)
{
    const __m512i h = _mm512_loadu_si512(tile);
    for (int j = 0; j < BLOCK; j++)
        acc[j] = _mm512_dpbusd_epi32(acc[j], h, _mm512_loadu_si512(weights + j * HIDDEN_TILE));
}

void RoundedRows::scoreBlock(int row, int cell, int block, float* scores)
{
    const int tile = block + block / common.blocks.width, pair = BLOCK * HIDDEN_TILE;
    for (int orientation = 0; orientation < common.orientations; orientation++)
    {
        const schar* weights = task.outWeights + (size_t)orientation * WINDOW_TAPS * 4 * pair;
        __m512i acc[BLOCK] = { _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512() };
        for (int tap = 0; tap < WINDOW_TAPS; tap++, weights += 4 * pair)
        {
            const int near = row + tap / 3 - 1, nearCell = cell + tap % 3 - 1;
            const SetRow& set = hiddenSet(near);
            const uchar* items = hiddenBytes(near) + orientation * HIDDEN_TILE;
            const uchar* upper = items + set.place(nearCell, tile) * tileBytes;
            const uchar* lower = items + set.place(nearCell, tile + common.tiles.width) * tileBytes;
            addTile(acc, upper, weights);
            addTile(acc, upper + tileBytes, weights + pair);
            addTile(acc, lower, weights + 2 * pair);
            addTile(acc, lower + tileBytes, weights + 3 * pair);
        }
        float sums[BLOCK];
        for (int j = 0; j < BLOCK; j++)
            sums[j] = v_reduce_sum(v_int32x16(acc[j])) * task.outScale;
        addOutputs(sums, scores);
    }
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
