// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "conv4d_pair.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void runConv4dPairUnits(const Conv4dPairTask& task, int firstUnit, int lastUnit);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

// How a value is summed does not depend on the chunk, unit or thread it falls in: in each lane the same operations on the
// same values, the taps in the order (a1, b1) in the first layer and (cell of grid 1, channel) in the second.

enum
{
    // Tile products {rows, vectors of tiles}, for 32 registers or 16: of the first layer, whose rows are channels, and of the
    // second, whose rows are cells of grid 1
    FIRST_ROWS = LANES >= 16 ? 8 : 4,
    FIRST_VECTORS = LANES >= 16 ? 2 : 3,
    FIRST_TILES = FIRST_VECTORS * LANES,
    SECOND_ROWS = LANES >= 16 ? 9 : 3,
    SECOND_VECTORS = LANES >= 16 ? 2 : 3,
    SECOND_TILES = SECOND_VECTORS * LANES,
    INPUTS_STEP = PAIR_INPUTS / PAIR_VALUES
};

#if CV_SIMD
static CV_ALWAYS_INLINE Vec vecSub(const Vec& a, const Vec& b) { return v_sub(a, b); }
static CV_ALWAYS_INLINE void vecLoadFours(const float* p, Vec& a, Vec& b, Vec& c, Vec& d) { v_load_deinterleave(p, a, b, c, d); }
static CV_ALWAYS_INLINE void vecStoreFours(float* p, const Vec& a, const Vec& b, const Vec& c, const Vec& d)
{
    v_store_interleave(p, a, b, c, d);
}
#else
static inline Vec vecSub(Vec a, Vec b) { return a - b; }
static inline void vecLoadFours(const float* p, Vec& a, Vec& b, Vec& c, Vec& d) { a = p[0]; b = p[1]; c = p[2]; d = p[3]; }
static inline void vecStoreFours(float* p, Vec a, Vec b, Vec c, Vec d) { p[0] = a; p[1] = b; p[2] = c; p[3] = d; }
#endif

// The V products of one weight, unrolled
template<int V> struct RowFma
{
    static CV_ALWAYS_INLINE void run(Vec* acc, const Vec& w, const Vec* x)
    {
        RowFma<V - 1>::run(acc, w, x);
        acc[V - 1] = vecFma(w, x[V - 1], acc[V - 1]);
    }
};
template<> struct RowFma<0>
{
    static CV_ALWAYS_INLINE void run(Vec*, const Vec&, const Vec*) {}
};

// M rows of V accumulators, unrolled
template<int M, int V> struct Rows
{
    static CV_ALWAYS_INLINE void set(Vec* acc, const float* values)
    {
        Rows<M - 1, V>::set(acc, values);
        VecArray<V>::set(acc + (M - 1) * V, vecSet(values[M - 1]));
    }
    static CV_ALWAYS_INLINE void load(Vec* acc, float* const* rows, ptrdiff_t offset)
    {
        Rows<M - 1, V>::load(acc, rows, offset);
        VecArray<V>::load(acc + (M - 1) * V, rows[M - 1] + offset);
    }
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* w, const Vec* x)
    {
        Rows<M - 1, V>::fma(acc, w, x);
        RowFma<V>::run(acc + (M - 1) * V, vecSet(w[M - 1]), x);
    }
    static CV_ALWAYS_INLINE void store(const Vec* acc, float* const* rows, ptrdiff_t offset)
    {
        Rows<M - 1, V>::store(acc, rows, offset);
        VecArray<V>::store(acc + (M - 1) * V, rows[M - 1] + offset);
    }
};
template<int V> struct Rows<0, V>
{
    static CV_ALWAYS_INLINE void set(Vec*, const float*) {}
    static CV_ALWAYS_INLINE void load(Vec*, float* const*, ptrdiff_t) {}
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, const Vec*) {}
    static CV_ALWAYS_INLINE void store(const Vec*, float* const*, ptrdiff_t) {}
};

// M channels of the first layer: out {M, FIRST_TILES} = bias + Σ over k < n of w[k, m] · (x[k] + offset)[tile]
template<int M> static void firstProduct(const float* const* x, ptrdiff_t offset, int n, const float* w, const float* bias,
                                         float* out)
{
    Vec acc[M * FIRST_VECTORS];
    Rows<M, FIRST_VECTORS>::set(acc, bias);
    for (int k = 0; k < n; k++, w += PAIR_CHANNELS)
    {
        Vec xs[FIRST_VECTORS];
        VecArray<FIRST_VECTORS>::load(xs, x[k] + offset);
        Rows<M, FIRST_VECTORS>::fma(acc, w, xs);
    }
    VecArray<M * FIRST_VECTORS>::store(acc, out);
}

// Sums of the second layer for M rows of grid 1: (rows[m] + offset)[tile] += Σ over k < n of w[k, m] · x[k, tile]
template<int M> static void secondProduct(const float* x, int n, const float* w, float* const* rows, ptrdiff_t offset)
{
    Vec acc[M * SECOND_VECTORS];
    Rows<M, SECOND_VECTORS>::load(acc, rows, offset);
    for (int k = 0; k < n; k++, w += 9, x += PAIR_CHUNK)
    {
        Vec xs[SECOND_VECTORS];
        VecArray<SECOND_VECTORS>::load(xs, x);
        Rows<M, SECOND_VECTORS>::fma(acc, w, xs);
    }
    Rows<M, SECOND_VECTORS>::store(acc, rows, offset);
}

typedef void (*FirstProduct)(const float* const*, ptrdiff_t, int, const float*, const float*, float*);
typedef void (*SecondProduct)(const float*, int, const float*, float* const*, ptrdiff_t);

// The instance for m channels
template<int M> struct FirstTable
{
    static FirstProduct find(int m) { return m == M ? &firstProduct<M> : FirstTable<M - 1>::find(m); }
};
template<> struct FirstTable<0>
{
    static FirstProduct find(int) { return 0; }
};

// Winograd's F(4, 3) in one dimension, with the points 0, ±√½, ±√2, ∞, whose rounding errors are several times smaller
// than with 0, ±1, ±2, ∞. conv4d_pair.dispatch.cpp has the transformation of the weights.
static const float ROOT_HALF = 0.70710678f, ROOT_TWO = 1.41421356f;

// Two of the six transformed values of inputs d0 … d5: of the points 0 and ∞ (PAIR = 0), ±√½ (1), ±√2 (2).
// first, last: 1, or 0 where d0 or d5 is to count as zero
template<int PAIR> static CV_ALWAYS_INLINE void transformInput(const Vec* d, const Vec& first, const Vec& last, Vec& w0, Vec& w1)
{
    if (PAIR == 0)
    {
        w0 = vecFma(d[0], first, vecFma(vecSet(-2.5f), d[2], d[4]));
        w1 = vecFma(d[5], last, vecFma(vecSet(-2.5f), d[3], d[1]));
        return;
    }
    const Vec k = vecSet(PAIR == 1 ? -2.f : -.5f), root = vecSet(PAIR == 1 ? ROOT_HALF : ROOT_TWO);
    const Vec minusRoot = vecSet(PAIR == 1 ? -ROOT_HALF : -ROOT_TWO);
    const Vec even = vecFma(k, d[2], d[4]), odd = vecFma(k, d[1], d[3]);
    w0 = vecFma(root, odd, even);
    w1 = vecFma(minusRoot, odd, even);
}

static CV_ALWAYS_INLINE void transformInput(const Vec* d, const Vec& first, const Vec& last, Vec* w)
{
    transformInput<0>(d, first, last, w[0], w[5]);
    transformInput<1>(d, first, last, w[1], w[2]);
    transformInput<2>(d, first, last, w[3], w[4]);
}

// m {6, mStep}: transformed; y {4, yStep}: outputs
static CV_ALWAYS_INLINE void transformOutput(const Vec* m, int mStep, Vec* y, int yStep)
{
    const Vec evenA = vecAdd(m[mStep], m[2 * mStep]), oddA = vecSub(m[mStep], m[2 * mStep]);
    const Vec evenB = vecAdd(m[3 * mStep], m[4 * mStep]), oddB = vecSub(m[3 * mStep], m[4 * mStep]);
    y[0] = vecFma(vecSet(ROOT_HALF), evenB, vecFma(vecSet(2.f), evenA, m[0]));
    y[yStep] = vecFma(vecSet(ROOT_TWO), oddA, oddB);
    y[2 * yStep] = vecFma(vecSet(ROOT_TWO), evenB, evenA);
    y[3 * yStep] = vecFma(vecSet(ROOT_HALF), oddA, vecFma(vecSet(2.f), oddB, m[5 * mStep]));
}

// Both dimensions of a tile; N transformations unrolled
template<int N> struct Columns
{
    // p {36, step}: transformed → rows {N columns of 4}
    static CV_ALWAYS_INLINE void loadTransformed(const float* p, size_t step, Vec* rows)
    {
        Columns<N - 1>::loadTransformed(p, step, rows);
        const float* q = p + (N - 1) * step;
        const Vec m[] = { vecLoad(q), vecLoad(q + 6 * step), vecLoad(q + 12 * step), vecLoad(q + 18 * step),
                          vecLoad(q + 24 * step), vecLoad(q + 30 * step) };
        transformOutput(m, 1, rows + N - 1, PAIR_SIDE);
    }
    // rows {N rows of 6} → y {N rows of 4}
    static CV_ALWAYS_INLINE void finishOutputs(const Vec* rows, Vec* y)
    {
        Columns<N - 1>::finishOutputs(rows, y);
        transformOutput(rows + (N - 1) * PAIR_SIDE, 1, y + (N - 1) * PAIR_TILE, 1);
    }
    // Cells rows[y] + columns[x] → two rows of transformed columns, see transformInput<PAIR>. masks: of the rows 0, 4, 5
    template<int PAIR> static CV_ALWAYS_INLINE void loadCells(const float* const* rows, const ptrdiff_t* columns,
                                                              const Vec* masks, bool masked, Vec* row0, Vec* row1)
    {
        Columns<N - 1>::template loadCells<PAIR>(rows, columns, masks, masked, row0, row1);
        const ptrdiff_t x = columns[N - 1];
        Vec d[PAIR_SIDE];
        if (PAIR == 0)
        {
            d[0] = vecLoad(rows[0] + x);
            d[5] = vecLoad(rows[5] + x);
        }
        d[1] = vecLoad(rows[1] + x);
        d[2] = vecLoad(rows[2] + x);
        d[3] = vecLoad(rows[3] + x);
        d[4] = vecLoad(rows[4] + x);
        if (masked)
            d[4] = vecMul(d[4], masks[1]);
        transformInput<PAIR>(d, masks[0], masks[2], row0[N - 1], row1[N - 1]);
    }
};
template<> struct Columns<0>
{
    static CV_ALWAYS_INLINE void loadTransformed(const float*, size_t, Vec*) {}
    static CV_ALWAYS_INLINE void finishOutputs(const Vec*, Vec*) {}
    template<int>
    static CV_ALWAYS_INLINE void loadCells(const float* const*, const ptrdiff_t*, const Vec*, bool, Vec*, Vec*) {}
};

// A row of six columns → out {6, INPUTS_STEP}
static CV_ALWAYS_INLINE void storeRow(Vec* d, const Vec* masks, bool masked, float* out)
{
    Vec w[PAIR_SIDE];
    if (masked)
        d[4] = vecMul(d[4], masks[1]);
    transformInput(d, masks[0], masks[2], w);
    vecStore(out, w[0]);
    vecStore(out + INPUTS_STEP, w[1]);
    vecStore(out + 2 * INPUTS_STEP, w[2]);
    vecStore(out + 3 * INPUTS_STEP, w[3]);
    vecStore(out + 4 * INPUTS_STEP, w[4]);
    vecStore(out + 5 * INPUTS_STEP, w[5]);
}

// Two rows of tiles' transformed inputs; masks {rows, columns; cells 0, 4, 5}
template<int PAIR> static CV_ALWAYS_INLINE void transformCells(const float* const* rows, const ptrdiff_t* columns,
                                                               const Vec* masks, bool masked, float* out)
{
    Vec row0[PAIR_SIDE], row1[PAIR_SIDE];
    Columns<PAIR_SIDE>::template loadCells<PAIR>(rows, columns, masks, masked, row0, row1);
    storeRow(row0, masks + 3, masked, out + (PAIR ? 2 * PAIR - 1 : 0) * PAIR_SIDE * INPUTS_STEP);
    storeRow(row1, masks + 3, masked, out + (PAIR ? 2 * PAIR : 5) * PAIR_SIDE * INPUTS_STEP);
}

// p {36, step} → y {16}
static CV_ALWAYS_INLINE void loadOutputs(const float* p, size_t step, Vec* y)
{
    Vec rows[PAIR_TILE * PAIR_SIDE];
    Columns<PAIR_SIDE>::loadTransformed(p, step, rows);
    Columns<PAIR_TILE>::finishOutputs(rows, y);
}

// The columns of cells of a row, 4 apart: out[c * step + i] = row[4 i + c] for c < 6, i < n and up to LANES − 1 more
static void splitColumns(const float* row, int n, float* out, size_t step)
{
    for (int i = 0; i < n; i += LANES)
        for (int c = 0; c < PAIR_SIDE; c += PAIR_TILE)
        {
            const float* p = row + i * PAIR_TILE + c;
            Vec a, b, d, e;
            vecLoadFours(p, a, b, d, e);
            vecStore(out + c * step + i, a);
            vecStore(out + (c + 1) * step + i, b);
            if (c > 0)
                continue;
            vecStore(out + 2 * step + i, d);
            vecStore(out + 3 * step + i, e);
        }
}

// One thread's work on a unit. Rows of grid 1 pass through rings of three:
//   input   {3 rows, 36, inputStep}   transformed planes of columns [firstColumn − 1, lastColumn + 1), tile after tile
//   output  {3 rows, 36, outputStep}  transformed sums of the same columns, `lag` floats into each row
// Lanes are counted from the first tile of firstColumn. A chunk of them goes through
//   products  {36, PAIR_BLOCK, FIRST_TILES}  of the first layer, a few at a time so that they stay in a first-level cache
//   hidden    {channels, 16, hiddenStep}     its cells, after those of `kept` lanes of the chunks before
//   inputs    {36, INPUTS_STEP}              channels × PAIR_CHUNK transformed inputs of the second layer
// The second layer follows `lag` lanes behind the first, so that all hidden cells it needs are there.
class PairSweep
{
public:
    PairSweep(const Conv4dPairTask& task, float* scratch)
        : t(task), lag((int)alignSize(t.ahead, CONV4D_ALIGN)), kept(lag + (int)alignSize(t.back, CONV4D_ALIGN))
    {
        input = scratch;
        output = input + 3 * PAIR_VALUES * t.inputStep;
        hidden = output + 3 * PAIR_VALUES * t.outputStep;
        inputs = hidden + t.channels * PAIR_PHASES * t.hiddenStep;
        rows = inputs + PAIR_INPUTS;
        masks = rows + PAIR_SIDE * PAIR_TILE * t.rowsStep;
        line = masks + PAIR_MASKS * t.maskStep;
        scores = line + alignSize(PAIR_TILE * (t.tilesX + 2 * CONV4D_ALIGN), CONV4D_ALIGN);
        source = scores + t.cellStep;
        for (int i = 0; i < PAIR_SIDE; i++)
        {
            const int cell = i - 1 + t.margin + PAIR_TILE, inTile = cell % PAIR_TILE, tile = cell / PAIR_TILE - 1;
            cellRows[i] = (ptrdiff_t)(inTile * PAIR_TILE * t.hiddenStep) + tile * t.tilesX;
            cellColumns[i] = (ptrdiff_t)(inTile * t.hiddenStep) + tile;
        }
    }

    // The part of the output with tiles [first[0], last[0]) of grid 2's rows, rows [first[1], last[1]) of grid 1 and its
    // columns [first[2], last[2])
    void run(int unit_, const int* first, const int* last)
    {
        unit = unit_;
        memset(input, 0, t.scratch * sizeof(float));
        firstTile = first[0];
        lastTile = last[0];
        topTile = std::max(first[0] - 1 + t.margin, 0);
        tilesY = std::min(last[0] + 1, t.tilesY) - topTile;
        plane = tilesY * t.tilesX;
        firstRow = first[1];
        lastRow = last[1];
        firstColumn = std::max(first[2] - 1, -t.margin);
        lastColumn = std::min(last[2] + 1, t.grids[1] + t.margin);
        nextInput = std::max(firstRow - 2, 0);
        inputColumns = Range(std::max(firstColumn - 1, 0), std::min(lastColumn + 1, t.grids[1]));
        fillMasks();
        beginStream(Rect(first[2], first[1], last[2] - first[2], last[1] - first[1]));
        for (int y = firstRow - 1; y <= lastRow; y++)
        {
            memset(outputRow(y + 1) - lag, 0, PAIR_VALUES * t.outputStep * sizeof(float));
            if (y >= -t.margin && y < t.grids[0] + t.margin)
                sweepRow(y);
            for (int x = first[2]; x < last[2] && y > firstRow; x++)
                finishPlane(y - 1, x);
        }
    }

private:
    float* inputRow(int y) const { return input + y % 3 * PAIR_VALUES * t.inputStep; }
    // The plane of a cell of grid 1; its cell 0 of grid 2 would be `firstCell` floats before
    const float* sourcePlane(int y, int x) const
    {
        return t.stream ? source + ((size_t)(y % 3) * (t.columns + 2) + x - inputColumns.start) * t.cellStep
                        : t.src + ((size_t)y * t.grids[1] + x) * t.grids[2] * t.grids[3];
    }
    // The first row of grid 2 in the tiles' inputs
    int topRow() const { return topTile * PAIR_TILE - 1 - t.margin; }
    float* outputRow(int y) const { return output + (y + 3) % 3 * PAIR_VALUES * t.outputStep + lag; }

    // masks {16 cells of a tile}: 1 for hidden cells inside the grid, else 0; {y, x; cells 0, 4, 5 of a tile's input}: 1 where
    // there is such a tile in the plane. From any tile of a plane a whole chunk can be read.
    void fillMasks()
    {
        const int tiles[] = { tilesY, t.tilesX };
        for (int i = 0; i < plane + PAIR_CHUNK; i++)
        {
            const int tile[] = { i / t.tilesX % tilesY, i % t.tilesX };
            float* mask = masks + i;
            for (int phase = 0; phase < PAIR_PHASES; phase++, mask += t.maskStep)
                *mask = (tile[0] + topTile) * PAIR_TILE + phase / PAIR_TILE < t.grids[2] &&
                        tile[1] * PAIR_TILE + phase % PAIR_TILE < t.grids[3];
            for (int d = 0; d < 2; d++, mask += 3 * t.maskStep)
            {
                const bool after = tile[d] + 1 < tiles[d];
                mask[0] = t.margin > 0 || tile[d] > 0;
                mask[t.maskStep] = t.margin == 0 || after;
                mask[2 * t.maskStep] = after;
            }
        }
    }

    void beginStream(const Rect& cells1)
    {
        const int w = t.grids[3], bottom = topRow() + (tilesY + 1) * PAIR_TILE;
        read = Range(std::max(topRow(), 0) * w / PAIR_CELLS * PAIR_CELLS, std::min(bottom, t.grids[2]) * w);
        firstCell = t.stream ? read.start : 0;
        if (t.stream)
            t.stream->begin(unit, cells1, Range(firstTile * PAIR_TILE * w, std::min(lastTile * PAIR_TILE, t.grids[2]) * w));
    }

    // One row of hidden cells of grid 1
    void sweepRow(int y)
    {
        for (; nextInput < std::min(y + 2, t.grids[0]); nextInput++)
            fillInputRow(nextInput);
        listTaps(y);
        for (int c = 0; c < t.channels * PAIR_PHASES; c++)
            memset(hidden + c * t.hiddenStep, 0, kept * sizeof(float));
        const int lanes = (lastColumn - firstColumn) * plane;
        for (int lane = 0; lane < lanes + lag; lane += PAIR_CHUNK)
        {
            firstLayer(lane, std::min(std::max(lanes - lane, 0), (int)PAIR_CHUNK));
            secondLayer(lane - lag);
            for (int c = 0; c < t.channels * PAIR_PHASES; c++)
            {
                float* p = hidden + c * t.hiddenStep;
                for (int i = 0; i < kept; i += LANES)
                    vecStore(p + i, vecLoad(p + PAIR_CHUNK + i));
            }
        }
    }

    // The rows of input that a row of hidden cells meets, and those of output, each at three columns
    void listTaps(int y)
    {
        ntaps = 0;
        for (int a1 = 0; a1 < 3; a1++)
            for (int b1 = 0; b1 < 3 && y - 1 + a1 >= 0 && y - 1 + a1 < t.grids[0]; b1++)
            {
                firstTap = ntaps == 0 ? a1 * 3 : firstTap;
                taps[ntaps++] = inputRow(y - 1 + a1) + b1 * plane;
            }
        firstSum = std::max(y + 2 - lastRow, 0);
        nsums = std::min(y + 2 - firstRow, 3) - firstSum;
        for (int i = 0; i < 3 * nsums; i++)
            sums[i] = outputRow(y + 1 - firstSum - i % nsums) + (2 - i / nsums) * plane;
    }

    // The hidden cells of the chunk at `lane`; those from `valid` lanes on are no cells and become zero
    void firstLayer(int lane, int valid)
    {
        for (int i = 0; i < valid; i += FIRST_TILES)
            for (int c = 0; c < t.channels; c += PAIR_BLOCK)
            {
                const int n = std::min(t.channels - c, (int)PAIR_BLOCK);
                multiplyBlock(lane + i, c, n);
                for (int j = 0; j < n; j++)
                    storeHidden(products + j * FIRST_TILES, hidden + (c + j) * PAIR_PHASES * t.hiddenStep + kept + i,
                                (lane + i) % plane);
            }
        for (int c = 0; c < t.channels * PAIR_PHASES && valid < PAIR_CHUNK; c++)
            memset(hidden + c * t.hiddenStep + kept + valid, 0, (PAIR_CHUNK - valid) * sizeof(float));
    }

    // Channels [c, c + n)
    void multiplyBlock(int lane, int c, int n)
    {
        const FirstProduct whole = &firstProduct<FIRST_ROWS>, rest = FirstTable<FIRST_ROWS>::find(n % FIRST_ROWS);
        for (int p = 0; p < PAIR_VALUES; p++)
            for (int j = 0; j < n; j += FIRST_ROWS)
                (n - j >= FIRST_ROWS ? whole : rest)(taps, (ptrdiff_t)(p * t.inputStep) + lane, ntaps,
                                                     t.firstWeights + (p * 9 + firstTap) * PAIR_CHANNELS + c + j,
                                                     t.firstBias + p * PAIR_CHANNELS + c + j,
                                                     products + (p * PAIR_BLOCK + j) * FIRST_TILES);
    }

    // One channel; tile: of its plane, the first
    void storeHidden(const float* src, float* dst, int tile)
    {
        const size_t step = t.hiddenStep;
        const Vec zero = vecSet(0.f);
        for (int i = 0; i < FIRST_TILES; i += LANES)
        {
            Vec y[PAIR_PHASES];
            loadOutputs(src + i, PAIR_BLOCK * FIRST_TILES, y);
            for (int phase = 0; phase < PAIR_PHASES; phase++)
                vecStore(dst + phase * step + i, vecMax(y[phase], zero));
        }
        if (t.cutTiles)
            for (int phase = 0; phase < PAIR_PHASES; phase++)
                for (int i = 0; i < FIRST_TILES; i += LANES)
                    vecStore(dst + phase * step + i,
                             vecMul(vecLoad(dst + phase * step + i), vecLoad(masks + phase * t.maskStep + tile + i)));
    }

    // The chunk at `lane`
    void secondLayer(int lane)
    {
        const int tile = (lane % plane + plane) % plane;
        for (int c = 0; c < t.channels; c++)
            loadHidden(hidden + c * PAIR_PHASES * t.hiddenStep + kept - lag, tile, inputs + c * PAIR_CHUNK);
        // From left to right, at once only where columns do not overlap: each sum's order is the same wherever chunks begin
        const bool together = SECOND_ROWS == 9 && nsums == 3 && plane >= SECOND_TILES;
        const SecondProduct product = together ? &secondProduct<SECOND_ROWS> : nsums == 3 ? &secondProduct<3> :
                                      nsums == 2 ? &secondProduct<2> : &secondProduct<1>;
        for (int p = 0; p < PAIR_VALUES; p++)
            for (int i = 0; i < PAIR_CHUNK; i += SECOND_TILES)
                for (int b1 = 0; b1 < (together ? 1 : 3); b1++)
                    product(inputs + p * INPUTS_STEP + i, t.channels,
                            t.secondWeights + (p * t.channels * 3 + b1) * 3 + firstSum, sums + b1 * nsums,
                            (ptrdiff_t)(p * t.outputStep) + lane + i);
    }

    // One channel: transformed inputs of the second layer
    void loadHidden(const float* src, int tile, float* dst)
    {
        const size_t maskStep = t.maskStep;
        const bool masked = t.margin > 0;
        for (int i = 0; i < PAIR_CHUNK; i += LANES)
        {
            Vec edges[6];
            for (int m = 0; m < 6; m++)
                edges[m] = vecLoad(masks + (PAIR_PHASES + m) * maskStep + tile + i);
            const float* p = src + i;
            const float* const cells[] = { p + cellRows[0], p + cellRows[1], p + cellRows[2], p + cellRows[3], p + cellRows[4],
                                           p + cellRows[5] };
            transformCells<0>(cells, cellColumns, edges, masked, dst + i);
            transformCells<1>(cells, cellColumns, edges, masked, dst + i);
            transformCells<2>(cells, cellColumns, edges, masked, dst + i);
        }
    }

    void fillInputRow(int y)
    {
        float* dst = inputRow(y);
        if (t.stream)
            t.stream->read(y, inputColumns, read, source + (size_t)(y % 3) * (t.columns + 2) * t.cellStep, t.cellStep);
        for (int x = firstColumn - 1; x <= lastColumn; x++, dst += plane)
            if (x >= 0 && x < t.grids[1])
                fillPlane(sourcePlane(y, x), dst);
            else
                for (int p = 0; p < PAIR_VALUES; p++)
                    memset(dst + p * t.inputStep, 0, plane * sizeof(float));
    }

    // src: a plane of the input; dst {36, plane}, with up to LANES − 1 more tiles each.
    // rows {6 columns of a tile's input, 4 rows of a tile, (tilesY + 1) * tilesX}
    void fillPlane(const float* src, float* dst)
    {
        const int h = t.grids[2], w = t.grids[3], before = 1 + t.margin, n = (tilesY + 1) * t.tilesX;
        memset(line, 0, (PAIR_TILE * (t.tilesX + LANES + 1) + before) * sizeof(float));
        for (int i = 0; i < (tilesY + 1) * PAIR_TILE; i++)  // downwards: a row's surplus is overwritten by the one below
        {
            const int y = topRow() + i;
            if (y >= 0 && y < h)
                memcpy(line + before, src + y * w - firstCell, w * sizeof(float));
            else
                memset(line + before, 0, w * sizeof(float));
            splitColumns(line, t.tilesX, rows + i % PAIR_TILE * t.rowsStep + i / PAIR_TILE * t.tilesX, PAIR_TILE * t.rowsStep);
        }
        const Vec one = vecSet(1.f);
        for (int phase = 0; phase < PAIR_TILE; phase++)
            for (int i = 0; i < n; i += LANES)
            {
                float* p = rows + phase * t.rowsStep + i;
                Vec d[PAIR_SIDE], v[PAIR_SIDE];
                for (int x = 0; x < PAIR_SIDE; x++)
                    d[x] = vecLoad(p + x * PAIR_TILE * t.rowsStep);
                transformInput(d, one, one, v);
                for (int x = 0; x < PAIR_SIDE; x++)
                    vecStore(p + x * PAIR_TILE * t.rowsStep, v[x]);
            }
        for (int x = 0; x < PAIR_SIDE; x++)
            for (int i = 0; i < plane; i += LANES)
            {
                const float* p = rows + x * PAIR_TILE * t.rowsStep + i;
                Vec d[PAIR_SIDE], v[PAIR_SIDE];
                for (int y = 0; y < PAIR_SIDE; y++)
                    d[y] = vecLoad(p + y % PAIR_TILE * t.rowsStep + y / PAIR_TILE * t.tilesX);
                transformInput(d, one, one, v);
                for (int y = 0; y < PAIR_SIDE; y++)
                    vecStore(dst + (y * PAIR_SIDE + x) * t.inputStep + i, v[y]);
            }
    }

    // The cell (y1, x1) of grid 1 of the output
    void finishPlane(int y1, int x1)
    {
        const float* src = outputRow(y1) + (x1 - firstColumn + 1) * plane;
        const int h = t.grids[2], w = t.grids[3];
        for (int i = 0; i < plane; i += LANES)
        {
            Vec y[PAIR_PHASES];
            loadOutputs(src + i, t.outputStep, y);
            for (int phase = 0; phase < PAIR_PHASES; phase++)
                vecStore(rows + phase * t.rowsStep + i, y[phase]);
        }
        const int first = firstTile * PAIR_TILE * w;
        float* dst = t.stream ? scores : t.dst + ((size_t)y1 * t.grids[1] + x1) * h * w + first;
        const float* c = sourcePlane(y1, x1) + first - firstCell;
        for (int y2 = firstTile * PAIR_TILE; y2 < std::min(lastTile * PAIR_TILE, h); y2++, dst += w, c += w)
        {
            const float* phases = rows + y2 % PAIR_TILE * PAIR_TILE * t.rowsStep + (y2 / PAIR_TILE - topTile) * t.tilesX;
            for (int i = 0; i < t.tilesX; i += LANES)
                vecStoreFours(line + i * PAIR_TILE, vecLoad(phases + i), vecLoad(phases + t.rowsStep + i),
                              vecLoad(phases + 2 * t.rowsStep + i), vecLoad(phases + 3 * t.rowsStep + i));
            finishRow(c, dst);
        }
        if (t.stream)
            t.stream->write(unit, Point(x1, y1), scores);
    }

    // dst [+]= what `line` holds, with the second layer's bias, + residual · c
    void finishRow(const float* c, float* dst) const
    {
        const float bias = t.secondBias, residual = t.residual, low = t.relu ? 0.f : -std::numeric_limits<float>::infinity();
        for (int x2 = 0; x2 < t.grids[3]; x2++)
        {
            const float value = std::max(line[x2] + bias, low);
            dst[x2] = t.accumulate ? dst[x2] + value : value;
        }
        for (int x2 = 0; x2 < t.grids[3] && residual != 0; x2++)
            dst[x2] += residual * c[x2];
    }

    const Conv4dPairTask& t;
    const int lag, kept;
    float *input, *output, *hidden, *inputs;
    float *rows, *line;  // of fillPlane and finishPlane: {24, rowsStep}; one row of cells
    float* masks;        // {PAIR_MASKS, maskStep}, see fillMasks
    float *source, *scores;  // with a stream: {3 rows, columns, cellStep} of the input, cells `read` of grid 2; a plane of the output
    int unit, firstCell;
    Range read, inputColumns;
    int firstTile, lastTile, topTile, tilesY, plane;  // of the unit
    int firstRow, lastRow, firstColumn, lastColumn, nextInput;
    ptrdiff_t cellRows[PAIR_SIDE], cellColumns[PAIR_SIDE];  // where the cells of a tile's input are in `hidden`, from its lane
    const float* taps[9];  // rows of input and output that the present hidden row meets
    float* sums[9];
    int ntaps, firstTap, nsums, firstSum;  // nsums: of one column
    CV_DECL_ALIGNED(64) float products[PAIR_VALUES * PAIR_BLOCK * FIRST_TILES];
};

void runConv4dPairUnits(const Conv4dPairTask& task, int firstUnit, int lastUnit)
{
    AutoBuffer<float, 64> buffer(task.scratch + CONV4D_ALIGN);
    PairSweep sweep(task, alignPtr(buffer.data(), CONV4D_ALIGN * sizeof(float)));
    for (int unit = firstUnit; unit < lastUnit; unit++)
    {
        const int index[] = { unit / task.parts[2] / task.parts[1], unit / task.parts[2] % task.parts[1], unit % task.parts[2] };
        const int sizes[] = { (task.grids[2] + PAIR_TILE - 1) / PAIR_TILE, task.grids[0], task.grids[1] };
        int first[3], last[3];
        for (int i = 0; i < 3; i++)
        {
            first[i] = (int)((int64)sizes[i] * index[i] / task.parts[i]);
            last[i] = (int)((int64)sizes[i] * (index[i] + 1) / task.parts[i]);
        }
        sweep.run(unit, first, last);
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
