// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// How scorers go through a window, for inclusion by .simd.hpp files.

#ifndef OPENCV_SEMCORR_WINDOW_ROWS_HPP
#define OPENCV_SEMCORR_WINDOW_ROWS_HPP

#include "windowed_scorer.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

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

// n ≤ 64 bits of an array
static inline uint64 bitsAt(const uint64* words, int first, int n)
{
    if (n == 0)
        return 0;
    const int shift = first % 64;
    uint64 bits = words[first / 64] >> shift;
    if (shift + n > 64)
        bits |= words[first / 64 + 1] << (64 - shift);
    return bits & (~(uint64)0 >> (64 - n));
}

// Adds up to 32 bits to an array
static inline void addBits(uint64* words, int first, uint64 bits)
{
    const int shift = first % 64;
    words[first / 64] |= bits << shift;
    if (shift > 32 && bits >> (64 - shift))
        words[first / 64 + 1] |= bits >> (64 - shift);
}

// Bits 0, 2, 4 … side by side
static inline uint64 evenBits(uint64 x)
{
    x &= 0x5555555555555555ull;
    x = (x | x >> 1) & 0x3333333333333333ull;
    x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0Full;
    x = (x | x >> 4) & 0x00FF00FF00FF00FFull;
    x = (x | x >> 8) & 0x0000FFFF0000FFFFull;
    return (x | x >> 16) & 0xFFFFFFFFull;
}

// A set of indices for each cell of a row of the window. The items of all sets lie in one array in the order of cells and
// indices; an item's place is the rank of its index.
struct SetRow
{
    uint64* bits;     // {cells, words}
    unsigned* ranks;  // {cells, words} items before each word
    int words, count;

    void clear(int cells) { memset(bits, 0, (size_t)cells * words * sizeof(uint64)); }
    // index and index + 1
    void addPair(int cell, int index)
    {
        bits[(size_t)cell * words + index / 64] |= (uint64)3 << index % 64;
        if (index % 64 == 63)
            bits[(size_t)cell * words + index / 64 + 1] |= 1;
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
    WINDOW_HALO = 2,  // cells around the window that are looked at
    GROUP_ROWS = 4,   // rows that are correlated together: more source cells for each group's features
    HIDDEN_ROWS = GROUP_ROWS + 5,  // rows whose sets of hidden tiles, and of tiles of correlations, are known at a time
    TILE_ROWS = GROUP_ROWS + 3,
    ZERO_TILES = 2    // at the start of each row's items: what lies outside the grid
};

// Tiles of the 3×3 source cells around one, of one word of their sets
struct WordTaps
{
    uint64 bits[WINDOW_TAPS];
    const float* items[WINDOW_TAPS];

    // the tile of a bit; `size` of an item in floats
    CV_ALWAYS_INLINE const float* item(int tap, uint64 bit, int size) const
    {
        return items[tap] + countBits(bits[tap] & (bit - 1)) * size;
    }
};

// Goes through a window's rows of source cells and finds out what of each stage is needed where: hidden tiles, tiles of
// correlations, groups of correlations. What these are is the derived class's matter.
class WindowRows
{
public:
    // False if memory does not suffice. `sites` grows by the hidden sites computed.
    bool run(int64& sites);

protected:
    // keepsGroups: the correlations are kept, and not asked for; sourcesAtOnce: most that `correlate` takes
    WindowRows(const WindowTask& common_, const Window& window_, WindowBuffers& buffers_, bool keepsGroups_, int sourcesAtOnce_)
        : common(common_), v(common_.correlation), window(window_), buffers(buffers_),
          cells(window_.x1 - window_.x0 + 2 * WINDOW_HALO), keepsGroups(keepsGroups_), sourcesAtOnce(sourcesAtOnce_) {}
    virtual ~WindowRows() {}

    // Stages. False if memory does not suffice.
    // room for all groups of GROUP_ROWS rows
    virtual bool reserveGroups(int count) = 0;
    // n ≤ sourcesAtOnce source cells with a group, and the results' places among the groups
    virtual void correlate(const int* sources, int n, int group, const unsigned* places) = 0;
    // a row's tiles of correlations, from its groups
    virtual bool makeTiles(int row) = 0;
    // a row's hidden tiles, from the tiles of three rows
    virtual bool hideRow(int row) = 0;
    // residual · correlation of a block, which lies `offset` cells from the beginning of a group
    virtual void residualOf(int row, int cell, int group, int offset, float* scores) = 0;
    // what the net adds to it, by addOutputs, from three rows of hidden tiles
    virtual void scoreBlock(int row, int cell, int block, float* scores) = 0;

    template<typename T> bool grow(std::vector<T>& items, size_t n);
    SetRow& hiddenSet(int row) { return hiddenSets[(row + HIDDEN_ROWS) % HIDDEN_ROWS]; }
    SetRow& tileSet(int row) { return tileSets[(row + TILE_ROWS) % TILE_ROWS]; }
    std::vector<float>& hidden(int row) { return buffers.hidden[(row + 3) % 3]; }
    std::vector<float>& tiles(int row) { return buffers.tiles[(row + 3) % 3]; }
    // sums {BLOCK} of products of hidden activations and weights, of one orientation
    void addOutputs(const float* sums, float* scores) const;
    // place among the groups
    size_t groupPlace(int row, int cell, int group) const { return groupSet.place(groupCell(row, cell), group); }

    void wordTaps(int row, int cell, int word, int itemSize, WordTaps& taps);

    const WindowTask& common;
    const CorrelationView& v;
    const Window window;
    WindowBuffers& buffers;
    const int cells;  // of a row of the window and its halo; cell i lies at column x0 − WINDOW_HALO + i

private:
    bool makeSets();
    void blocksOf(int y, int x, int& first, int& last) const;
    void addResidual(int row);
    void scoreRow(int row);
    // index in groupSet of a cell of a row
    int groupCell(int row, int cell) const { return (row - window.y0 + WINDOW_HALO) % GROUP_ROWS * cells + cell; }
    bool isRow(int y) const { return (unsigned)y < (unsigned)v.grid1.height; }
    void collectHidden(int row);
    void collectTiles(int row);
    void collectGroups(int row);
    bool correlateRows(int row);
    void correlateWord(int row, int word);

    const bool keepsGroups;
    const int sourcesAtOnce;
    SetRow hiddenSets[HIDDEN_ROWS], tileSets[TILE_ROWS];
    SetRow groupSet;  // of GROUP_ROWS rows, one after the other
    uint64* columns;  // {cells, words}
};

template<typename T> bool WindowRows::grow(std::vector<T>& items, size_t n)
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

inline bool WindowRows::makeSets()
{
    const int words = (common.tiles.area() + 63) / 64, groupWords = (v.groups.area() + 63) / 64;
    const size_t size = (size_t)cells * words, rows = (size_t)GROUP_ROWS * cells;
    if (!grow(buffers.bits, (HIDDEN_ROWS + TILE_ROWS + 1) * size + rows * groupWords) ||
        !grow(buffers.ranks, (HIDDEN_ROWS + TILE_ROWS) * size + rows * groupWords) ||
        !grow(buffers.sources, 64 * rows) || !grow(buffers.places, 64 * rows))
        return false;
    uint64* bits = buffers.bits.data();
    unsigned* ranks = buffers.ranks.data();
    for (int i = 0; i < HIDDEN_ROWS + TILE_ROWS; i++, bits += size, ranks += size)
    {
        SetRow& set = i < HIDDEN_ROWS ? hiddenSets[i] : tileSets[i - HIDDEN_ROWS];
        set.bits = bits;
        set.ranks = ranks;
        set.words = words;
        set.clear(cells);
        set.rank(cells, 0);
    }
    columns = bits;
    groupSet.bits = bits + size;
    groupSet.ranks = ranks;
    groupSet.words = groupWords;
    return true;
}

// Rows come in the order of what they need: sets of hidden tiles and correlations some rows ahead, hidden tiles one row
// behind, scores two rows behind.
inline bool WindowRows::run(int64& sites)
{
    if (!makeSets())
        return false;
    collectHidden(window.y0 - 1);
    if (!correlateRows(window.y0 - WINDOW_HALO))
        return false;
    for (int row = window.y0 - WINDOW_HALO; row < window.y1 + WINDOW_HALO; row++)
    {
        if (!makeTiles(row))
            return false;
        addResidual(row);
        // hideRow fetches what the next row reads
        if ((row + 1 - window.y0 + WINDOW_HALO) % GROUP_ROWS == 0 && !correlateRows(row + 1))
            return false;
        if (row > window.y0 - 1)
        {
            if (!hideRow(row - 1))
                return false;
            sites += (int64)(hiddenSet(row - 1).count - ZERO_TILES) * WINDOW_SITES * common.orientations;
        }
        if (row >= window.y0 + WINDOW_HALO)
            scoreRow(row - WINDOW_HALO);
    }
    return true;
}

inline void WindowRows::blocksOf(int y, int x, int& first, int& last) const
{
    const int* list = common.firstBlock + y * v.grid1.width + x;
    const int64 n = list[1] - list[0];
    first = list[0] + (int)(n * window.part / window.parts);
    last = list[0] + (int)(n * (window.part + 1) / window.parts);
}

// The part of the scores that is a multiple of the correlation, while the correlations of the row are at hand
inline void WindowRows::addResidual(int row)
{
    for (int x = window.x0; x < window.x1 && row >= window.y0 && row < window.y1; x++)
    {
        int i, last;
        for (blocksOf(row, x, i, last); i < last; i++)
        {
            const int y2 = common.blockList[i] / common.blocks.width * BLOCK_SIDE + GRID_BORDER;
            const int x2 = common.blockList[i] % common.blocks.width * BLOCK_SIDE + GRID_BORDER;
            const int group = y2 / GROUP_SIDE * v.groups.width + x2 / GROUP_SIDE;
            residualOf(row, x - window.x0 + WINDOW_HALO, group, y2 % GROUP_SIDE * GROUP_SIDE + x2 % GROUP_SIDE,
                       common.scores + (size_t)i * BLOCK);
        }
    }
}

inline void WindowRows::scoreRow(int row)
{
    for (int x = window.x0; x < window.x1; x++)
    {
        int i, last;
        for (blocksOf(row, x, i, last); i < last; i++)
            scoreBlock(row, x - window.x0 + WINDOW_HALO, common.blockList[i], common.scores + (size_t)i * BLOCK);
    }
}

inline void WindowRows::addOutputs(const float* sums, float* scores) const
{
    for (int j = 0; j < BLOCK; j++)
    {
        const float value = sums[j] + common.outBias;
        scores[j] += common.lastRelu ? std::max(value, 0.f) : value;
    }
}

// Which tiles each source cell of a row needs, since its neighbours in the window are to be scored
inline void WindowRows::collectHidden(int row)
{
    SetRow& set = hiddenSet(row);
    set.clear(cells);
    const bool exists = common.zeroOutside ? isRow(row) : row >= -1 && row <= v.grid1.height;
    const int low = common.zeroOutside ? 0 : -1, high = v.grid1.width - 1 - low;
    for (int y = std::max(row - 1, window.y0); exists && y <= std::min(row + 1, window.y1 - 1); y++)
        for (int x = window.x0; x < window.x1; x++)
        {
            int i, last;
            for (blocksOf(y, x, i, last); i < last; i++)
            {
                const int by = common.blockList[i] / common.blocks.width, tile = common.blockList[i] + by;  // a row has one tile more
                for (int near = std::max(x - 1, low); near <= std::min(x + 1, high); near++)
                {
                    const int cell = near - window.x0 + WINDOW_HALO;
                    set.addPair(cell, tile);
                    set.addPair(cell, tile + common.tiles.width);
                }
            }
        }
    set.rank(cells, ZERO_TILES);
    for (int cell = 0; cell < cells; cell++)
    {
        const int x = window.x0 - WINDOW_HALO + cell;
        if (!exists || x < low || x > high)
            set.leaveOut(cell);
    }
}

// A hidden tile needs the tiles of correlations of 3×3 source cells.
inline void WindowRows::collectTiles(int row)
{
    SetRow& set = tileSet(row);
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
        if ((unsigned)(window.x0 - WINDOW_HALO + cell) >= (unsigned)v.grid1.width)
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
        set.bits[i] = window.x0 >= WINDOW_HALO ? columns[i + words] : 0;
        set.bits[last + i] = window.x1 + WINDOW_HALO <= v.grid1.width ? columns[last - words + i] : 0;
    }
    set.rank(cells, 1);
    for (int cell = 0; cell < cells; cell++)
        if ((unsigned)(window.x0 - WINDOW_HALO + cell) >= (unsigned)v.grid1.width)
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

// A tile in column x of its row needs the groups in column x/2, and in the next one if x is odd, of one row of groups or two.
inline void WindowRows::collectGroups(int row)
{
    const SetRow& set = tileSet(row);
    const int width = common.tiles.width, across = v.groups.width;
    for (int cell = 0; cell < cells; cell++)
    {
        const uint64* src = set.bits + (size_t)cell * set.words;
        uint64* dst = groupSet.bits + (size_t)groupCell(row, cell) * groupSet.words;
        for (int y = 0; y < common.tiles.height; y++)
        {
            uint64 before = 0;
            for (int x = 0; x <= width; x += 64)
            {
                const uint64 bits = bitsAt(src, y * width + x, std::min(width - x, 64));
                if ((bits | before) == 0)
                    continue;
                const uint64 groups = evenBits(bits | bits >> 1 | bits << 1 | before);
                before = bits >> 63;
                addBits(dst, y / 2 * across + x / 2, groups);
                if (y % 2)
                    addBits(dst, (y + 1) / 2 * across + x / 2, groups);
            }
        }
    }
}

// What the GROUP_ROWS rows from `row` on need, and their correlations
inline bool WindowRows::correlateRows(int row)
{
    groupSet.clear(GROUP_ROWS * cells);
    for (int y = row; y < row + GROUP_ROWS; y++)
    {
        collectHidden(y + 1);
        collectTiles(y);
        if (!keepsGroups)
            collectGroups(y);
    }
    if (keepsGroups)
        return true;
    groupSet.rank(GROUP_ROWS * cells, 0);
    if (!reserveGroups(groupSet.count))
        return false;
    for (int word = 0; word < groupSet.words; word++)
        correlateWord(row, word);
    return true;
}

// The groups of one word of the sets, each with all cells of the rows that want it, while its features are in the nearest cache
inline void WindowRows::correlateWord(int row, int word)
{
    const int most = GROUP_ROWS * cells;
    int count[64] = { 0 };
    for (int i = 0; i < most; i++)
    {
        const size_t at = (size_t)i * groupSet.words + word;
        const int source = (row + i / cells) * v.grid1.width + window.x0 - WINDOW_HALO + i % cells;
        unsigned place = groupSet.ranks[at];
        for (uint64 rest = groupSet.bits[at]; rest; rest &= rest - 1)
        {
            const int bit = lowestBit(rest), next = bit * most + count[bit]++;
            buffers.sources[next] = source;
            buffers.places[next] = place++;
        }
    }
    for (int bit = 0; bit < 64; bit++)
    {
        const int n = count[bit], runs = divUp(n, sourcesAtOnce);
        for (int i = 0; i < runs; i++)
        {
            const int first = n * i / runs, last = n * (i + 1) / runs;
            correlate(&buffers.sources[bit * most + first], last - first, word * 64 + bit, &buffers.places[bit * most + first]);
        }
    }
}

inline void WindowRows::wordTaps(int row, int cell, int word, int itemSize, WordTaps& taps)
{
    for (int tap = 0; tap < WINDOW_TAPS; tap++)
    {
        const int near = row + tap / 3 - 1;
        const SetRow& set = tileSet(near);
        const size_t i = (size_t)(cell + tap % 3 - 1) * set.words + word;
        taps.bits[tap] = set.bits[i];
        taps.items[tap] = tiles(near).data() + (size_t)set.ranks[i] * itemSize;
    }
}

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}

#endif
