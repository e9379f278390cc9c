// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "group_kernel.hpp"
#include "winograd_scorer.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

// False, with nothing done that matters, if the buffers' limit is too small. `sites` grows by the hidden sites computed.
bool scoreWindow(const WinogradTask& task, const WinogradWindow& window, WinogradBuffers& buffers, int64& sites);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

static inline int countBits(uint64 x)
{
#if CV_POPCNT && defined CV_POPCNT_U64
    return (int)CV_POPCNT_U64(x);
#else
    x -= (x >> 1) & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Full;
    return (int)((x * 0x0101010101010101ull) >> 56);
#endif
}

static inline int lowestBit(uint64 x)
{
    return countBits((x & (0 - x)) - 1);
}

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

// A set of indices for each cell of a row of the window. The items of all sets lie in one array in the order of cells and
// indices; an item's place is the rank of its index.
struct SetRow
{
    uint64* bits;     // {cells, words}
    unsigned* ranks;  // {cells, words} items before each word
    int words, count;

    void clear(int cells) { memset(bits, 0, (size_t)cells * words * sizeof(uint64)); }
    void add(int cell, int index) { bits[(size_t)cell * words + index / 64] |= (uint64)1 << index % 64; }
    // index, and index + 1 if more is 1
    void addRun(int cell, int index, int more)
    {
        bits[(size_t)cell * words + index / 64] |= (uint64)(1 + 2 * more) << index % 64;
        if (more && index % 64 == 63)
            add(cell, index + 1);
    }
    size_t place(int cell, int index) const
    {
        const size_t word = (size_t)cell * words + index / 64;
        return ranks[word] + countBits(bits[word] & (((uint64)1 << index % 64) - 1));
    }
    // for an empty cell: every index has place 0
    void leaveOut(int cell) { memset(ranks + (size_t)cell * words, 0, words * sizeof(unsigned)); }
    // `reserved` places come before the first item
    void rank(int cells, int reserved)
    {
        unsigned n = reserved;
        for (size_t i = 0; i < (size_t)cells * words; i++)
        {
            ranks[i] = n;
            n += countBits(bits[i]);
        }
        count = (int)n;
    }
};

enum
{
    WG_HALO = 2,      // cells around the window that are looked at
    GROUP_ROWS = 4,   // rows that are correlated together: more source cells for each group's features
    HIDDEN_ROWS = GROUP_ROWS + 5,  // rows whose sets of hidden tiles, and of transformed correlations, are known at a time
    TRANSFORMED_ROWS = GROUP_ROWS + 3,
    TILE_BATCH = 8,   // hidden tiles at a time: as many sums as hide the latency of a multiplication
    ZERO_TILES = 2    // at the start of each row's items: what lies outside the grid
};

struct WordTaps;

class WindowScorer
{
public:
    WindowScorer(const WinogradTask& task_, const WinogradWindow& window_, WinogradBuffers& buffers_)
        : task(task_), v(task_.correlation), window(window_), buffers(buffers_), cells(window_.x1 - window_.x0 + 2 * WG_HALO),
          tileFloats(task_.orientations * WG_SITES * WG_CHANNELS), vectors((task_.channels + LANES - 1) / LANES), sites(0) {}

    bool run();
    int64 hiddenSites() const { return sites; }

private:
    bool makeSets();
    template<typename T> bool grow(std::vector<T>& items, size_t n);
    SetRow& hiddenSet(int row) { return hiddenSets[(row + HIDDEN_ROWS) % HIDDEN_ROWS]; }
    SetRow& transformedSet(int row) { return transformedSets[(row + TRANSFORMED_ROWS) % TRANSFORMED_ROWS]; }
    std::vector<float>& hidden(int row) { return buffers.hidden[(row + 3) % 3]; }
    std::vector<float>& transformed(int row) { return buffers.transformed[(row + 3) % 3]; }
    void blocksOf(int y, int x, int& first, int& last) const;
    // index in groupSet of a cell of a row
    int groupCell(int row, int cell) const { return (row - window.y0 + WG_HALO) % GROUP_ROWS * cells + cell; }
    bool isRow(int y) const { return (unsigned)y < (unsigned)v.grid1.height; }

    void collectHidden(int row);
    void collectTransformed(int row);
    void collectGroups(int row);
    bool correlateRows(int row);
    void correlateWith(int row, int word, uint64 bit);
    bool transformRow(int row);
    bool hideRow(int row);
    void addResidual(int row);
    void scoreRow(int row);

    const float* groupOf(int row, int cell, int group) const;
    void transformTile(int row, int cell, int tile, float* dst) const;
    void prefetchKept(int row, int i) const;
    void wordTaps(int row, int cell, int word, WordTaps& taps);
    void runBatch(const float* x, int n, const int* tileIndex, float* dst) const;
    void scoreBlock(int row, int cell, int block, float* scores) const;

    const WinogradTask& task;
    const CorrelationView& v;
    const WinogradWindow window;
    WinogradBuffers& buffers;
    const int cells;  // of a row of the window and its halo; cell i lies at column x0 − WG_HALO + i
    const int tileFloats, vectors;
    SetRow hiddenSets[HIDDEN_ROWS], transformedSets[TRANSFORMED_ROWS];
    SetRow groupSet;  // of GROUP_ROWS rows, one after the other
    uint64* columns;  // {cells, words}
    int64 sites;
};

template<typename T> bool WindowScorer::grow(std::vector<T>& items, size_t n)
{
    if (items.size() >= n)
        return true;
    const size_t others = buffers.bytes() - items.capacity() * sizeof(T);
    if (others + n * sizeof(T) > buffers.limit)
        return false;
    // what the row before in this place held is not needed any more
    std::vector<T>().swap(items);
    items.resize(std::min(n + n / 4, (buffers.limit - others) / sizeof(T)));
    return true;
}

bool WindowScorer::makeSets()
{
    const int words = (task.tiles.area() + 63) / 64, groupWords = (v.groups.area() + 63) / 64;
    const size_t size = (size_t)cells * words;
    if (!grow(buffers.bits, (HIDDEN_ROWS + TRANSFORMED_ROWS + 1) * size + (size_t)GROUP_ROWS * cells * groupWords) ||
        !grow(buffers.ranks, (HIDDEN_ROWS + TRANSFORMED_ROWS) * size + (size_t)GROUP_ROWS * cells * groupWords))
        return false;
    uint64* bits = buffers.bits.data();
    unsigned* ranks = buffers.ranks.data();
    for (int i = 0; i < HIDDEN_ROWS + TRANSFORMED_ROWS; i++, bits += size, ranks += size)
    {
        SetRow& set = i < HIDDEN_ROWS ? hiddenSets[i] : transformedSets[i - HIDDEN_ROWS];
        set.bits = bits;
        set.ranks = ranks;
        set.words = words;
        set.clear(cells);
        set.rank(cells, 0);
    }
    buffers.sources.resize(GROUP_ROWS * cells);
    buffers.results.resize(GROUP_ROWS * cells);
    columns = bits;
    groupSet.bits = bits + size;
    groupSet.ranks = ranks;
    groupSet.words = groupWords;
    return true;
}

// Rows come in the order of what they need: sets of hidden tiles and correlations some rows ahead, hidden tiles one row
// behind, scores two rows behind.
bool WindowScorer::run()
{
    if (!makeSets())
        return false;
    collectHidden(window.y0 - 1);
    if (!correlateRows(window.y0 - WG_HALO))
        return false;
    for (int row = window.y0 - WG_HALO; row < window.y1 + WG_HALO; row++)
    {
        if (!transformRow(row))
            return false;
        addResidual(row);
        // hideRow fetches what the next row reads
        if ((row + 1 - window.y0 + WG_HALO) % GROUP_ROWS == 0 && !correlateRows(row + 1))
            return false;
        if (row > window.y0 - 1 && !hideRow(row - 1))
            return false;
        if (row >= window.y0 + WG_HALO)
            scoreRow(row - WG_HALO);
    }
    return true;
}

void WindowScorer::blocksOf(int y, int x, int& first, int& last) const
{
    const int* list = task.firstBlock + y * v.grid1.width + x;
    const int64 n = list[1] - list[0];
    first = list[0] + (int)(n * window.part / window.parts);
    last = list[0] + (int)(n * (window.part + 1) / window.parts);
}

// Which tiles each source cell of a row needs, since its neighbours in the window are to be scored
void WindowScorer::collectHidden(int row)
{
    SetRow& set = hiddenSet(row);
    set.clear(cells);
    const bool exists = task.zeroOutside ? isRow(row) : row >= -1 && row <= v.grid1.height;
    const int low = task.zeroOutside ? 0 : -1, high = v.grid1.width - 1 - low;
    for (int y = std::max(row - 1, window.y0); exists && y <= std::min(row + 1, window.y1 - 1); y++)
        for (int x = window.x0; x < window.x1; x++)
        {
            int i, last;
            for (blocksOf(y, x, i, last); i < last; i++)
            {
                const int by = task.blockList[i] / task.blocks.width, tile = task.blockList[i] + by;  // a row has one tile more
                for (int near = std::max(x - 1, low); near <= std::min(x + 1, high); near++)
                {
                    const int cell = near - window.x0 + WG_HALO;
                    set.addRun(cell, tile, 1);
                    set.addRun(cell, tile + task.tiles.width, 1);
                }
            }
        }
    set.rank(cells, ZERO_TILES);
    for (int cell = 0; cell < cells; cell++)
    {
        const int x = window.x0 - WG_HALO + cell;
        if (!exists || x < low || x > high)
            set.leaveOut(cell);
    }
}

// A hidden tile needs the transformed correlations of 3×3 source cells.
void WindowScorer::collectTransformed(int row)
{
    SetRow& set = transformedSet(row);
    set.clear(cells);
    if (!isRow(row))
    {
        set.rank(cells, 1);
        for (int cell = 0; cell < cells; cell++)
            set.leaveOut(cell);
        return;
    }
    const uint64 *a = hiddenSet(row - 1).bits, *b = hiddenSet(row).bits, *c = hiddenSet(row + 1).bits;
    const size_t words = set.words, size = cells * words;
    for (size_t i = 0; i < size; i++)
        columns[i] = a[i] | b[i] | c[i];
    for (int cell = 1; cell < cells - 1; cell++)
    {
        if ((unsigned)(window.x0 - WG_HALO + cell) >= (unsigned)v.grid1.width)
            continue;
        const uint64* s = columns + cell * words;
        uint64* d = set.bits + cell * words;
        for (size_t i = 0; i < words; i++)
            d[i] = s[i] | s[i + words] | *(s + i - words);
    }
    // the outermost cells see one neighbour only
    const size_t last = size - words;
    for (size_t i = 0; i < words; i++)
    {
        set.bits[i] = window.x0 >= WG_HALO ? columns[i + words] : 0;
        set.bits[last + i] = window.x1 + WG_HALO <= v.grid1.width ? columns[last - words + i] : 0;
    }
    set.rank(cells, 1);
    for (int cell = 0; cell < cells; cell++)
        if ((unsigned)(window.x0 - WG_HALO + cell) >= (unsigned)v.grid1.width)
            set.leaveOut(cell);
}

// Calls f(index, place) for each item of a cell, in order
template<typename F> static CV_ALWAYS_INLINE void forEachItem(const SetRow& set, int cell, const F& f)
{
    const uint64* bits = set.bits + (size_t)cell * set.words;
    const unsigned* ranks = set.ranks + (size_t)cell * set.words;
    for (int w = 0; w < set.words; w++)
    {
        size_t place = ranks[w];
        for (uint64 rest = bits[w]; rest; rest &= rest - 1)
            f(w * 64 + lowestBit(rest), place++);
    }
}

void WindowScorer::collectGroups(int row)
{
    const int first = groupCell(row, 0);
    for (int cell = 0; cell < cells; cell++)
        forEachItem(transformedSet(row), cell, [&](int tile, size_t)
        {
            const WinogradTile& t = task.tileTable[tile];
            groupSet.addRun(first + cell, t.upper, t.right);
            if (t.upperHalf)
                groupSet.addRun(first + cell, t.lower, t.right);
        });
}

// What the GROUP_ROWS rows from `row` on need, and their correlations
bool WindowScorer::correlateRows(int row)
{
    groupSet.clear(GROUP_ROWS * cells);
    for (int y = row; y < row + GROUP_ROWS; y++)
    {
        collectHidden(y + 1);
        collectTransformed(y);
        if (!v.kept)
            collectGroups(y);
    }
    if (v.kept)
        return true;
    groupSet.rank(GROUP_ROWS * cells, 0);
    if (!grow(buffers.groups, (size_t)groupSet.count * GROUP))
        return false;
    for (int w = 0; w < groupSet.words; w++)
    {
        uint64 wanted = 0;
        for (int i = 0; i < GROUP_ROWS * cells; i++)
            wanted |= groupSet.bits[(size_t)i * groupSet.words + w];
        for (; wanted; wanted &= wanted - 1)
            correlateWith(row, w, wanted & (0 - wanted));
    }
    return true;
}

// One group, given as a bit of a word, with all cells of the rows that want it, while its features are in the nearest cache
void WindowScorer::correlateWith(int row, int word, uint64 bit)
{
    int n = 0;
    for (int y = row; y < row + GROUP_ROWS; y++)
    {
        const int first = y * v.grid1.width + window.x0 - WG_HALO;
        size_t i = (size_t)groupCell(y, 0) * groupSet.words + word;
        for (int cell = 0; cell < cells; cell++, i += groupSet.words)
            if (groupSet.bits[i] & bit)
            {
                buffers.sources[n] = first + cell;
                const size_t place = groupSet.ranks[i] + countBits(groupSet.bits[i] & (bit - 1));
                buffers.results[n++] = buffers.groups.data() + place * GROUP;
            }
    }
    const int runs = (n + GROUP_SOURCES - 1) / GROUP_SOURCES;
    for (int i = 0; i < runs; i++)
    {
        const int first = n * i / runs, last = n * (i + 1) / runs;
        correlateGroup(v, &buffers.sources[first], last - first, word * 64 + lowestBit(bit), &buffers.results[first]);
    }
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
    float d[WG_TILE], t[WG_TILE];
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

CV_ALWAYS_INLINE const float* WindowScorer::groupOf(int row, int cell, int group) const
{
    if (!v.kept)
        return buffers.groups.data() + groupSet.place(groupCell(row, cell), group) * GROUP;
    const size_t source = (size_t)row * v.grid1.width + (window.x0 - WG_HALO + cell);
    return v.kept + (source * v.groups.area() + group) * GROUP;
}

CV_ALWAYS_INLINE void WindowScorer::transformTile(int row, int cell, int tile, float* dst) const
{
    const WinogradTile& t = task.tileTable[tile];
    const int half = GROUP / 2;
    transformWindow(groupOf(row, cell, t.upper) + t.upperHalf * half, groupOf(row, cell, t.lower) + (1 - t.upperHalf) * half, t.right, dst);
}

bool WindowScorer::transformRow(int row)
{
    const SetRow& set = transformedSet(row);
    std::vector<float>& items = transformed(row);
    if (!grow(items, (size_t)set.count * WG_TILE))
        return false;
    std::fill_n(items.data(), (int)WG_TILE, 0.f);
    for (int cell = 0; cell < cells; cell++)
        forEachItem(set, cell, [&](int tile, size_t place) { transformTile(row, cell, tile, items.data() + place * WG_TILE); });
    return true;
}

// scores = residual · correlation, while the correlations of the row are at hand; scoreRow adds to it
void WindowScorer::addResidual(int row)
{
    for (int x = window.x0; x < window.x1 && row >= window.y0 && row < window.y1; x++)
    {
        int i, last;
        for (blocksOf(row, x, i, last); i < last; i++)
        {
            const int y2 = task.blockList[i] / task.blocks.width * BLOCK_SIDE + GRID_BORDER;
            const int x2 = task.blockList[i] % task.blocks.width * BLOCK_SIDE + GRID_BORDER;
            const int group = y2 / GROUP_SIDE * v.groups.width + x2 / GROUP_SIDE;
            const float* c = groupOf(row, x - window.x0 + WG_HALO, group) + y2 % GROUP_SIDE * GROUP_SIDE + x2 % GROUP_SIDE;
            for (int j = 0; j < BLOCK; j++)
                task.scores[(size_t)i * BLOCK + j] = task.residual * c[j / BLOCK_SIDE * GROUP_SIDE + j % BLOCK_SIDE];
        }
    }
}

// acc[b] += w · x[b][point], b < N
template<int N> struct BatchOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* x, const Vec& w)
    {
        BatchOps<N - 1>::fma(acc, x, w);
        acc[N - 1] = vecFma(vecSet(x[(N - 1) * WG_TILE]), w, acc[N - 1]);
    }
};
template<> struct BatchOps<0>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, const Vec&) {}
};

// products {WG_TILE, TILE_BATCH, LANES}: sums over the taps of grid 1 at each Winograd point. x {WG_TAPS, TILE_BATCH, WG_TILE}
static void multiplyPoints(const float* x, const float* weights, float* products)
{
    for (int point = 0; point < WG_TILE; point++)
    {
        Vec acc[TILE_BATCH];
        VecArray<TILE_BATCH>::set(acc, vecSet(0.f));
        for (int tap = 0; tap < WG_TAPS; tap++)
            BatchOps<TILE_BATCH>::fma(acc, x + tap * TILE_BATCH * WG_TILE + point,
                                      vecLoad(weights + (point * WG_TAPS + tap) * WG_CHANNELS));
        VecArray<TILE_BATCH>::store(acc, products + point * TILE_BATCH * LANES);
    }
}

#if CV_SIMD
static CV_ALWAYS_INLINE Vec vecSub(const Vec& a, const Vec& b) { return v_sub(a, b); }
#else
static inline Vec vecSub(Vec a, Vec b) { return a - b; }
#endif

// dst {WG_SITES, WG_CHANNELS} = max(Aᵀ m A + bias, 0) of one tile; m {4, 4} transposed, `step` floats apart
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
    vecStore(dst + WG_CHANNELS, vecMax(vecAdd(vecSub(vecSub(upper[1], upper[2]), upper[3]), bias), zero));
    vecStore(dst + 2 * WG_CHANNELS, vecMax(vecAdd(vecAdd(vecAdd(lower[0], lower[1]), lower[2]), bias), zero));
    vecStore(dst + 3 * WG_CHANNELS, vecMax(vecAdd(vecSub(vecSub(lower[1], lower[2]), lower[3]), bias), zero));
}

// Sites of a tile that lie outside grid 2, for nets that pad each layer
static void clearOutside(const WinogradTask& task, int tile, float* dst)
{
    const Size grid2 = task.correlation.grid2;
    for (int orientation = 0; orientation < task.orientations; orientation++)
        for (int site = 0; site < WG_SITES; site++, dst += WG_CHANNELS)
        {
            const int y = tile / task.tiles.width * 2 + site / 2 - 1, x = tile % task.tiles.width * 2 + site % 2 - 1;
            if ((unsigned)y >= (unsigned)grid2.height || (unsigned)x >= (unsigned)grid2.width)
                std::fill_n(dst, (int)WG_CHANNELS, 0.f);
        }
}

// n ≤ TILE_BATCH hidden tiles to dst {n, tileFloats}; x {WG_TAPS, TILE_BATCH, WG_TILE}
void WindowScorer::runBatch(const float* x, int n, const int* tileIndex, float* dst) const
{
    CV_DECL_ALIGNED(64) float products[WG_TILE * TILE_BATCH * LANES];
    for (int orientation = 0; orientation < task.orientations; orientation++)
        for (int i = 0; i < vectors; i++)
        {
            const float* weights = task.hiddenWeights + (size_t)orientation * WG_TILE * WG_TAPS * WG_CHANNELS + i * LANES;
            multiplyPoints(x, weights, products);
            const Vec bias = vecLoad(task.hiddenBias + orientation * WG_CHANNELS + i * LANES);
            for (int b = 0; b < n; b++)
                outputTransform(products + b * LANES, TILE_BATCH * LANES, bias,
                                dst + b * tileFloats + orientation * WG_SITES * WG_CHANNELS + i * LANES);
        }
    for (int b = 0; b < n && task.zeroOutside; b++)
        clearOutside(task, tileIndex[b], dst + b * tileFloats);
}

// Transformed correlations of the 3×3 source cells around one, for tiles of one word of their sets
struct WordTaps
{
    uint64 bits[WG_TAPS];
    const float* items[WG_TAPS];

    // x {WG_TAPS, TILE_BATCH, WG_TILE}, at the tile's place in the batch
    CV_ALWAYS_INLINE void gather(uint64 bit, float* x) const
    {
        for (int tap = 0; tap < WG_TAPS; tap++, x += TILE_BATCH * WG_TILE)
        {
            const float* src = items[tap] + countBits(bits[tap] & (bit - 1)) * WG_TILE;
            for (int i = 0; i < WG_TILE; i += LANES)
                vecStore(x + i, vecLoad(src + i));
        }
    }
};

void WindowScorer::wordTaps(int row, int cell, int word, WordTaps& taps)
{
    for (int tap = 0; tap < WG_TAPS; tap++)
    {
        const int near = row + tap / 3 - 1;
        const SetRow& set = transformedSet(near);
        const size_t i = (size_t)(cell + tap % 3 - 1) * set.words + word;
        taps.bits[tap] = set.bits[i];
        taps.items[tap] = transformed(near).data() + (size_t)set.ranks[i] * WG_TILE;
    }
}

// Kept correlations lie in memory or a distant cache. They are fetched for word i of a row's sets ahead of transformRow, while
// hideRow computes.
CV_ALWAYS_INLINE void WindowScorer::prefetchKept(int row, int i) const
{
    const SetRow& set = transformedSets[(row + TRANSFORMED_ROWS) % TRANSFORMED_ROWS];
    if (!v.kept || !set.bits[i])
        return;
    const int cell = i / set.words, firstTile = i % set.words * 64;
    const float* groups = groupOf(row, cell, 0);
    for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
    {
        const WinogradTile& t = task.tileTable[firstTile + lowestBit(rest)];
        prefetch(groups + t.upper * GROUP);
        prefetch(groups + t.lower * GROUP);
        prefetch(groups + (t.upper + t.right) * GROUP);
        prefetch(groups + (t.lower + t.right) * GROUP);
    }
}

bool WindowScorer::hideRow(int row)
{
    const SetRow& set = hiddenSet(row);
    std::vector<float>& items = hidden(row);
    if (!grow(items, (size_t)set.count * tileFloats))
        return false;
    std::fill_n(items.data(), ZERO_TILES * tileFloats, 0.f);
    CV_DECL_ALIGNED(64) float x[WG_TAPS * TILE_BATCH * WG_TILE] = { 0 };
    int tiles[TILE_BATCH], n = 0;
    float* dst = items.data() + ZERO_TILES * tileFloats;
    WordTaps taps;
    for (int i = set.words; i < (cells - 1) * set.words; i++)
    {
        prefetchKept(row + 2, i);
        if (set.bits[i])
            wordTaps(row, i / set.words, i % set.words, taps);
        for (uint64 rest = set.bits[i]; rest; rest &= rest - 1)
        {
            taps.gather(rest & (0 - rest), x + n * WG_TILE);
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
    sites += (int64)(set.count - ZERO_TILES) * WG_SITES * task.orientations;
    return true;
}

// One hidden site (Y, X) of the 4×4 that a block needs and one of the block's scores
template<int Y, int X, int SY, int SX> static CV_ALWAYS_INLINE void siteTap(Vec* acc, const Vec& h, const Vec* w)
{
    if (Y >= SY && Y - SY < 3 && X >= SX && X - SX < 3)
    {
        // even and odd rows apart: twice as many independent sums
        Vec& a = acc[Y % 2 * BLOCK + SY * 2 + SX];
        a = vecFma(h, w[std::max(Y - SY, 0) * 3 % WG_TAPS + std::max(X - SX, 0)], a);
    }
}

template<int N> struct SiteOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* upper, const float* lower, size_t tileStep, const Vec* w)
    {
        SiteOps<N - 1>::fma(acc, upper, lower, tileStep, w);
        enum { Y = (N - 1) / 4, X = (N - 1) % 4, SITE = Y % 2 * 2 + X % 2 };
        const Vec h = vecLoad((Y < 2 ? upper : lower) + (X / 2) * tileStep + SITE * WG_CHANNELS);
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
        w[N - 1] = vecLoad(p + (N - 1) * WG_CHANNELS);
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
        for (int tap = 0; tap < WG_TAPS; tap++)
        {
            Vec w[WG_TAPS];
            TapWeights<WG_TAPS>::load(w, weights + tap * WG_TAPS * WG_CHANNELS + i * LANES);
            SiteOps<16>::fma(acc, tiles[2 * tap] + i * LANES, tiles[2 * tap + 1] + i * LANES, tileStep, w);
        }
    for (int j = 0; j < BLOCK; j++)
        sums[j] = vecSum(vecAdd(acc[j], acc[j + BLOCK]));
}

void WindowScorer::scoreBlock(int row, int cell, int block, float* scores) const
{
    const int tile = block + block / task.blocks.width;
    const float* tiles[2 * WG_TAPS];
    for (int tap = 0; tap < WG_TAPS; tap++)
    {
        const int near = row + tap / 3 - 1;
        const SetRow& set = hiddenSets[(near + HIDDEN_ROWS) % HIDDEN_ROWS];
        const float* items = buffers.hidden[(near + 3) % 3].data();
        tiles[2 * tap] = items + set.place(cell + tap % 3 - 1, tile) * tileFloats;
        tiles[2 * tap + 1] = items + set.place(cell + tap % 3 - 1, tile + task.tiles.width) * tileFloats;
    }
    for (int orientation = 0; orientation < task.orientations; orientation++)
    {
        float sums[BLOCK];
        sumBlock(tiles, tileFloats, task.outWeights + (size_t)orientation * WG_TAPS * WG_TAPS * WG_CHANNELS, vectors, sums);
        for (int tap = 0; tap < 2 * WG_TAPS; tap++)
            tiles[tap] += WG_SITES * WG_CHANNELS;
        for (int j = 0; j < BLOCK; j++)
        {
            const float value = sums[j] + task.outBias;
            scores[j] += task.lastRelu ? std::max(value, 0.f) : value;
        }
    }
}

void WindowScorer::scoreRow(int row)
{
    for (int x = window.x0; x < window.x1; x++)
    {
        int i, last;
        for (blocksOf(row, x, i, last); i < last; i++)
            scoreBlock(row, x - window.x0 + WG_HALO, task.blockList[i], task.scores + (size_t)i * BLOCK);
    }
}

bool scoreWindow(const WinogradTask& task, const WinogradWindow& window, WinogradBuffers& buffers, int64& sites)
{
    WindowScorer scorer(task, window, buffers);
    const bool done = scorer.run();
    sites += scorer.hiddenSites();
    return done;
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
