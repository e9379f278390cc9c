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
    // Places of some of the cells, the first `reserved` of them left free; in other cells, which are empty, every index has place 0.
    // Most words of large grids are empty: nobody asks for these ones' ranks.
    void rank(const Range& some, int cells, int reserved)
    {
        const size_t begin = (size_t)some.start * words, end = (size_t)some.end * words, step = 8;
        std::fill_n(ranks, begin, 0u);
        std::fill(ranks + end, ranks + (size_t)cells * words, 0u);
        unsigned n = reserved;
        for (size_t i = begin; i < end; i += step)
        {
            const size_t next = std::min(i + step, end);
            uint64 any = 0;
            for (size_t k = i; k < next; k++)
                any |= bits[k];
            for (size_t k = i; k < next && any; k++)
            {
                ranks[k] = n;
                n += countBits(bits[k]);
            }
        }
        count = (int)n;
    }
};

enum
{
    WINDOW_HALO = 2,  // cells around the window that are looked at
    GROUP_ROWS = 8,   // rows that are correlated together: more source cells for each group's features
    OWN_ROWS = GROUP_ROWS + 2 * WINDOW_HALO,  // that ask for something in these
    HIDDEN_ROWS = 3,  // rows whose sets are known at a time: those that a score reads,
    TILE_ROWS = 4,    // and those that a hidden tile reads and one ahead
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
    // what the net adds to it for n blocks of a cell, by addOutputs, from three rows of hidden tiles
    virtual void scoreBlocks(int row, int cell, const int* blocks, int n, float* scores) = 0;

    template<typename T> bool grow(std::vector<T>& items, size_t n);
    SetRow& hiddenSet(int row) { return hiddenSets[(row + HIDDEN_ROWS) % HIDDEN_ROWS]; }
    SetRow& tileSet(int row) { return tileSets[(row + TILE_ROWS) % TILE_ROWS]; }
    std::vector<float>& hidden(int row) { return buffers.hidden[(row + 3) % 3]; }
    std::vector<float>& tiles(int row) { return buffers.tiles[(row + 3) % 3]; }
    // sums {BLOCK} of products of hidden activations and weights, of one orientation
    void addOutputs(const float* sums, float* scores) const;
    // place among the groups
    size_t groupPlace(int row, int cell, int group) const { return groupSet.place(groupCell(row, cell), group); }
    // of all groups of a cell, until the next call
    const unsigned* groupPlaces(int row, int cell);

    void wordTaps(int row, int cell, int word, int itemSize, WordTaps& taps);
    // cells of a row that lie at most `beyond` cells outside grid 1
    Range cellsInside(int row, int beyond) const;

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
    int ownRow(int row) const { return (row - window.y0 + OWN_ROWS) % OWN_ROWS; }
    void collectOwn(int row);
    template<int REACH> void unite(const SetRow* own, int row, const Range& some, uint64* dst, int words);
    template<int REACH> void collect(int row, int beyond, int reserved, SetRow& set);
    // a hidden tile needs the tiles of correlations of 3×3 source cells
    void collectTiles(int row) { collect<2>(row, 0, 1, tileSet(row)); }
    bool correlateRows(int row);
    void correlateWord(int row, int word);

    const bool keepsGroups;
    const int sourcesAtOnce;
    SetRow ownTiles[OWN_ROWS], ownGroups[OWN_ROWS];  // what a cell's own blocks need
    SetRow hiddenSets[HIDDEN_ROWS], tileSets[TILE_ROWS];  // what is needed for any block
    SetRow groupSet;  // of GROUP_ROWS rows, one after the other
    uint64* columns;  // {WINDOW_HALO + cells + WINDOW_HALO, words}
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
    const size_t words = (common.tiles.area() + 63) / 64, groupWords = (v.groups.area() + 63) / 64;
    const size_t rows = (size_t)GROUP_ROWS * cells, around = (cells + 2 * WINDOW_HALO) * words;
    const size_t ranked = cells * ((HIDDEN_ROWS + TILE_ROWS) * words + GROUP_ROWS * groupWords);
    if (!grow(buffers.bits, cells * OWN_ROWS * (words + groupWords) + ranked + around) || !grow(buffers.ranks, ranked) ||
        !grow(buffers.sources, 64 * rows) || !grow(buffers.places, std::max<size_t>(64 * rows, v.groups.area())))
        return false;
    uint64* bits = buffers.bits.data();
    unsigned* ranks = buffers.ranks.data();
    const auto make = [&](SetRow& set, size_t setWords, int setRows)
    {
        set.bits = bits;
        set.words = (int)setWords;
        bits += setRows * cells * setWords;
    };
    const auto makeRanked = [&](SetRow& set, size_t setWords, int setRows)
    {
        make(set, setWords, setRows);
        set.ranks = ranks;
        ranks += setRows * cells * setWords;
    };
    for (int i = 0; i < OWN_ROWS; i++)
    {
        make(ownTiles[i], words, 1);
        make(ownGroups[i], groupWords, 1);
        // rows before the window ask for nothing
        ownTiles[i].clear(cells);
        ownGroups[i].clear(cells);
    }
    for (int i = 0; i < HIDDEN_ROWS; i++)
        makeRanked(hiddenSets[i], words, 1);
    for (int i = 0; i < TILE_ROWS; i++)
        makeRanked(tileSets[i], words, 1);
    makeRanked(groupSet, groupWords, GROUP_ROWS);
    columns = bits;
    return true;
}

// Rows come in the order of what they need: correlations some rows ahead, hidden tiles one row behind, scores two rows behind.
inline bool WindowRows::run(int64& sites)
{
    const int first = window.y0 - WINDOW_HALO, beyond = common.zeroOutside ? 0 : 1;
    if (!makeSets() || !correlateRows(first))
        return false;
    collectTiles(first);
    for (int row = first; row < window.y1 + WINDOW_HALO; row++)
    {
        if (!makeTiles(row))
            return false;
        addResidual(row);
        if (row >= window.y0)
            collect<1>(row - 1, beyond, ZERO_TILES, hiddenSet(row - 1));
        // hideRow fetches what the next row reads
        if ((row + 1 - first) % GROUP_ROWS == 0 && !correlateRows(row + 1))
            return false;
        collectTiles(row + 1);
        if (row >= window.y0)
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
        blocksOf(row, x, i, last);
        scoreBlocks(row, x - window.x0 + WINDOW_HALO, common.blockList + i, last - i, common.scores + (size_t)i * BLOCK);
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

// A block reads 2×2 hidden tiles, and these 2×2 groups.
inline void WindowRows::collectOwn(int row)
{
    SetRow &ownTile = ownTiles[ownRow(row)], &ownGroup = ownGroups[ownRow(row)];
    ownTile.clear(cells);
    ownGroup.clear(cells);
    for (int x = window.x0; x < window.x1 && row >= window.y0 && row < window.y1; x++)
    {
        const int cell = x - window.x0 + WINDOW_HALO;
        int i, last;
        for (blocksOf(row, x, i, last); i < last; i++)
        {
            const int by = common.blockList[i] / common.blocks.width, bx = common.blockList[i] - by * common.blocks.width;
            const int tile = by * common.tiles.width + bx, group = by / 2 * v.groups.width + bx / 2;
            ownTile.addPair(cell, tile);
            ownTile.addPair(cell, tile + common.tiles.width);
            ownGroup.addPair(cell, group);
            ownGroup.addPair(cell, group + v.groups.width);
        }
    }
}

inline Range WindowRows::cellsInside(int row, int beyond) const
{
    const int cell0 = window.x0 - WINDOW_HALO, first = std::max(-beyond - cell0, 0);
    const bool exists = row >= -beyond && row < v.grid1.height + beyond;
    return Range(first, exists ? std::min(v.grid1.width + beyond - cell0, cells) : first);
}

// dst {cells, words}: of some of a row's cells what those around within REACH need, nothing of others
template<int REACH> void WindowRows::unite(const SetRow* own, int row, const Range& some, uint64* dst, int words)
{
    const size_t size = (size_t)cells * words, around = (size_t)WINDOW_HALO * words;
    const size_t begin = (size_t)some.start * words, end = (size_t)some.end * words;
    uint64* column = columns + around;
    const uint64* rows[2 * REACH + 1];
    for (int d = 0; d <= 2 * REACH; d++)
        rows[d] = own[ownRow(row + d - REACH)].bits;
    std::fill_n(columns, around, (uint64)0);
    for (size_t i = 0; i < size; i++)
    {
        uint64 all = rows[0][i];
        for (int d = 1; d <= 2 * REACH; d++)
            all |= rows[d][i];
        column[i] = all;
    }
    std::fill_n(column + size, around, (uint64)0);
    std::fill_n(dst, begin, (uint64)0);
    for (size_t i = begin; i < end; i++)
    {
        const uint64* p = column + i - REACH * words;
        uint64 all = p[0];
        for (int d = 1; d <= 2 * REACH; d++)
            all |= p[d * words];
        dst[i] = all;
    }
    std::fill(dst + end, dst + size, (uint64)0);
}

// The set of a row that lies at most `beyond` cells outside grid 1
template<int REACH> void WindowRows::collect(int row, int beyond, int reserved, SetRow& set)
{
    const Range inside = cellsInside(row, beyond);
    unite<REACH>(ownTiles, row, inside, set.bits, set.words);
    set.rank(inside, cells, reserved);
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

// What the GROUP_ROWS rows from `row` on need, and their correlations
inline bool WindowRows::correlateRows(int row)
{
    for (int y = row; y < row + GROUP_ROWS; y++)
        collectOwn(y + WINDOW_HALO);
    if (keepsGroups)
        return true;
    for (int y = row; y < row + GROUP_ROWS; y++)
        unite<2>(ownGroups, y, cellsInside(y, 0), groupSet.bits + (size_t)groupCell(y, 0) * groupSet.words, groupSet.words);
    groupSet.rank(Range(0, GROUP_ROWS * cells), GROUP_ROWS * cells, 0);
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
    uint64 wanted = 0;
    for (int i = 0; i < most; i++)
    {
        const size_t at = (size_t)i * groupSet.words + word;
        const int source = (row + i / cells) * v.grid1.width + window.x0 - WINDOW_HALO + i % cells;
        unsigned place = groupSet.ranks[at];
        wanted |= groupSet.bits[at];
        for (uint64 rest = groupSet.bits[at]; rest; rest &= rest - 1)
        {
            const int bit = lowestBit(rest), next = bit * most + count[bit]++;
            buffers.sources[next] = source;
            buffers.places[next] = place++;
        }
    }
    for (; wanted; wanted &= wanted - 1)
    {
        const int bit = lowestBit(wanted), n = count[bit], runs = divUp(n, sourcesAtOnce);
        for (int i = 0; i < runs; i++)
        {
            const int first = n * i / runs, last = n * (i + 1) / runs;
            correlate(&buffers.sources[bit * most + first], last - first, word * 64 + bit, &buffers.places[bit * most + first]);
        }
    }
}

inline const unsigned* WindowRows::groupPlaces(int row, int cell)
{
    unsigned* places = buffers.places.data();
    forEachItem(groupSet, groupCell(row, cell), [&](int group, size_t place) { places[group] = (unsigned)place; });
    return places;
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
