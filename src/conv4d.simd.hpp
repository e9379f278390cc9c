// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "conv4d.hpp"
#include "simd_vec.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void runConv4dUnits(const Conv4dTask& task, int firstUnit, int lastUnit);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

// How one output value is summed, whatever tile, strip or thread it falls in: bias, then the taps in the order
// (a1, b1, a2, channel, b2) for several output channels, (a1, b1, a2, (b2, channel) in LANES partial sums) for one.
// Taps outside the grid are skipped or meet zeros, which gives the same bits.

enum
{
    ACCUMULATORS = LANES >= 16 ? 26 : 12,  // vectors kept in registers: of 32 with AVX-512, else of 16
    MAX_VECTORS = LANES >= 16 ? 1 : 2,     // vectors of output channels per position
    MAX_ROWS = 3,                          // rows of grid 2 per tile, where rows are short
    DOT_POSITIONS = 8                      // positions per tile with one output channel, any number of input channels
};

// One B plane (fixed cell of grid 1) of the input and the weights that it meets
struct Tap
{
    const float* plane;
    const float* weights;
};

// Strides in floats
struct PlaneLayout
{
    size_t rowStep;       // from one row of grid 2 to the next
    size_t positionStep;  // from one cell of a row to the next
    size_t tapStep;       // from one tap's weights to the next
};

// The R * M = I positions of a tile, unrolled
template<int I, int M, int V> struct TileOps
{
    static CV_ALWAYS_INLINE void init(Vec* acc, const Vec* bias)
    {
        TileOps<I - 1, M, V>::init(acc, bias);
        for (int v = 0; v < V; v++)
            acc[(I - 1) * V + v] = bias[v];
    }
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* x, size_t rowStep, const Vec* w)
    {
        TileOps<I - 1, M, V>::fma(acc, x, rowStep, w);
        const Vec xi = vecSet(x[(I - 1) / M * rowStep + (I - 1) % M]);
        for (int v = 0; v < V; v++)
            acc[(I - 1) * V + v] = vecFma(xi, w[v], acc[(I - 1) * V + v]);
    }
};
template<int M, int V> struct TileOps<0, M, V>
{
    static CV_ALWAYS_INLINE void init(Vec*, const Vec*) {}
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, size_t, const Vec*) {}
};

// R rows of M positions, V vectors of output channels: buf {R, M, V * LANES}. `offsets` of the n taps of each plane.
template<int R, int M, int V>
static void convTile(const PlaneLayout& layout, const Tap* taps, int ntaps, size_t planeOffset, size_t weightOffset,
                     const int* offsets, int n, const float* bias, float* buf)
{
    const size_t rowStep = layout.rowStep, tapStep = layout.tapStep;
    Vec acc[R * M * V], w[V];
    VecArray<V>::load(w, bias);
    TileOps<R * M, M, V>::init(acc, w);
    for (int t = 0; t < ntaps; t++)
    {
        const float* plane = taps[t].plane + planeOffset;
        const float* weights = taps[t].weights + weightOffset;
        for (int i = 0; i < n; i++, weights += tapStep)
        {
            VecArray<V>::load(w, weights);
            TileOps<R * M, M, V>::fma(acc, plane + offsets[i], rowStep, w);
        }
    }
    VecArray<R * M * V>::store(acc, buf);
}

// The M positions of a tile, unrolled; STEP floats apart, or `step` if that is 0
template<int M, int STEP> struct DotOps
{
    static CV_ALWAYS_INLINE void fma(Vec* acc, const float* x, size_t step, const Vec& w)
    {
        DotOps<M - 1, STEP>::fma(acc, x, step, w);
        acc[M - 1] = vecFma(vecLoad(x + (M - 1) * (STEP ? STEP : step)), w, acc[M - 1]);
    }
    static CV_ALWAYS_INLINE void sum(const Vec* acc, float bias, float* buf)
    {
        DotOps<M - 1, STEP>::sum(acc, bias, buf);
        buf[M - 1] = vecSum(acc[M - 1]) + bias;
    }
};
template<int STEP> struct DotOps<0, STEP>
{
    static CV_ALWAYS_INLINE void fma(Vec*, const float*, size_t, const Vec&) {}
    static CV_ALWAYS_INLINE void sum(const Vec*, float, float*) {}
};

// One output channel, M positions of a row: buf {M}. The kw2 * in inputs that a position meets in a row of grid 2 are
// consecutive; lanes run along them. `offsets` of the n vectors of taps of each plane.
template<int M, int STEP>
static void dotTile(const PlaneLayout& layout, const Tap* taps, int ntaps, size_t planeOffset, size_t weightOffset,
                    const int* offsets, int n, const float* bias, float* buf)
{
    const size_t step = layout.positionStep;
    Vec acc[M];
    VecArray<M>::set(acc, vecSet(0.f));
    for (int t = 0; t < ntaps; t++)
    {
        const float* plane = taps[t].plane + planeOffset;
        const float* weights = taps[t].weights + weightOffset;
        for (int i = 0; i < n; i++, weights += LANES)
            DotOps<M, STEP>::fma(acc, plane + offsets[i], step, vecLoad(weights));
    }
    DotOps<M, STEP>::sum(acc, *bias, buf);
}

typedef void (*TileFunc)(const PlaneLayout&, const Tap*, int, size_t, size_t, const int*, int, const float*, float*);

// The instances for m positions in a row
template<int R, int M, int V> struct TileTable
{
    static TileFunc find(int m) { return m == M ? &convTile<R, M, V> : TileTable<R, M - 1, V>::find(m); }
};
template<int R, int V> struct TileTable<R, 0, V>
{
    static TileFunc find(int) { return 0; }
};
template<int M, int STEP> struct DotTable
{
    static TileFunc find(int m) { return m == M ? &dotTile<M, STEP> : DotTable<M - 1, STEP>::find(m); }
};
template<int STEP> struct DotTable<0, STEP>
{
    static TileFunc find(int) { return 0; }
};

template<int V> static TileFunc findTile(int rows, int m)
{
    return rows == 1 ? TileTable<1, ACCUMULATORS / V, V>::find(m) :
           rows == 2 ? TileTable<2, ACCUMULATORS / V / 2, V>::find(m) : TileTable<3, ACCUMULATORS / V / 3, V>::find(m);
}

static TileFunc findDot(int in, int m)
{
    return in == CONV4D_ALIGN ? DotTable<ACCUMULATORS, CONV4D_ALIGN>::find(m) : DotTable<DOT_POSITIONS, 0>::find(m);
}

// dst[i * dstStep + c] [+]= max(buf[i * bufStep + c], 0)
static void storeTile(const float* buf, int bufStep, int positions, int channels, float* dst, size_t dstStep, bool relu,
                      bool accumulate)
{
    const float low = relu ? 0.f : -std::numeric_limits<float>::infinity();
    const Vec vlow = vecSet(low);
    for (int i = 0; i < positions; i++, buf += bufStep, dst += dstStep)
    {
        int c = 0;
        for (; c <= channels - LANES; c += LANES)
        {
            const Vec x = vecMax(vecLoad(buf + c), vlow);
            vecStore(dst + c, accumulate ? vecAdd(vecLoad(dst + c), x) : x);
        }
        for (; c < channels; c++)
        {
            const float x = std::max(buf[c], low);
            dst[c] = accumulate ? dst[c] + x : x;
        }
    }
}

// One thread's work: a strip of rows of grid 2 for consecutive cells of one row of grid 1
class StripConv
{
public:
    StripConv(const Conv4dTask& t_, float* scratch_)
        : t(t_), scratch(scratch_), dot(t_.out == 1), width(t_.copyPlanes ? t_.dstGrids[3] + t_.k[3] - 1 : t_.srcGrids[3]),
          rowTaps(dot ? (int)t_.weightRow / LANES : t_.in * t_.k[3]), taps((size_t)t_.k[0] * t_.k[1]),
          offsets((size_t)t_.k[2] * rowTaps)
    {
        layout.rowStep = (size_t)width * t.in;
        layout.positionStep = dot ? t.in : 1;
        layout.tapStep = t.weightRow / rowTaps;
        for (int a2 = 0, n = 0; a2 < t.k[2]; a2++)
            for (int i = 0; i < rowTaps; i++)
                offsets[n++] = a2 * width * t.in + (dot ? i * LANES : i / t.k[3] * width + i % t.k[3]);
    }

    void run(int y1_, int x1First, int x1Last, int y2First_, int y2Last_)
    {
        y1 = y1_;
        y2First = y2First_;
        y2Last = y2Last_;
        for (int x1 = x1First; x1 < x1Last; x1++)
        {
            if (t.copyPlanes)
                for (int b1 = x1 == x1First ? 0 : t.k[1] - 1; b1 < t.k[1]; b1++)
                    copyColumn(x1 - t.pad[1] + b1);
            listTaps(x1);
            float* dst = t.dst + ((size_t)y1 * t.dstGrids[1] + x1) * t.dstGrids[2] * t.dstGrids[3] * t.dstChannels;
            for (int c = 0; c < t.out; c += MAX_VECTORS * LANES)
                runChannels(dst + c, c, std::min(t.out - c, MAX_VECTORS * LANES));
        }
    }

private:
    const float* srcPlane(int v, int u) const
    {
        return t.src + ((size_t)v * t.srcGrids[1] + u) * t.srcGrids[2] * t.srcGrids[3] * t.in;
    }

    // A ring of kw1 columns, as the strip moves along w1
    float* ringPlane(int a1, int u) const { return scratch + (a1 * t.k[1] + u % t.k[1]) * t.planeSize; }

    // The padded strips of the planes (…, u) that the output row y1 looks at
    void copyColumn(int u)
    {
        if (u < 0 || u >= t.srcGrids[1])
            return;
        for (int a1 = 0; a1 < t.k[0]; a1++)
        {
            const int v = y1 - t.pad[0] + a1;
            if (v >= 0 && v < t.srcGrids[0])
                copyPlane(srcPlane(v, u), ringPlane(a1, u));
        }
    }

    // dst: rows of in × width floats (several outputs) or width × in floats (one output); zeros around the grid
    void copyPlane(const float* src, float* dst)
    {
        const int h = t.srcGrids[2], w = t.srcGrids[3], in = t.in;
        const int left = std::min(std::max(t.pad[3], 0), width), skip = std::max(-t.pad[3], 0);
        const int n = std::max(std::min(w - skip, width - left), 0), right = width - left - n;
        const int rows = y2Last - y2First + t.k[2] - 1;
        for (int i = 0; i < rows; i++, dst += layout.rowStep)
        {
            const int y = y2First + i - t.pad[2];
            if (y < 0 || y >= h)
            {
                memset(dst, 0, layout.rowStep * sizeof(float));
                continue;
            }
            const float* s = src + ((size_t)y * w + skip) * in;
            if (dot || in == 1)
            {
                memset(dst, 0, left * in * sizeof(float));
                memcpy(dst + left * in, s, n * in * sizeof(float));
                memset(dst + (left + n) * in, 0, right * in * sizeof(float));
            }
            else
            {
                for (int c = 0; c < in; c++)
                {
                    memset(dst + c * width, 0, left * sizeof(float));
                    memset(dst + c * width + left + n, 0, right * sizeof(float));
                }
                transposeFloats(s, in, dst + left, width, n, in);
            }
        }
        memset(dst, 0, CONV4D_ALIGN * sizeof(float));  // the last vector of a row may reach beyond it
    }

    // The B planes inside the grid that the output cell (y1, x1) looks at
    void listTaps(int x1)
    {
        ntaps = 0;
        for (int a1 = 0; a1 < t.k[0]; a1++)
            for (int b1 = 0; b1 < t.k[1]; b1++)
            {
                const int v = y1 - t.pad[0] + a1, u = x1 - t.pad[1] + b1;
                if (v < 0 || v >= t.srcGrids[0] || u < 0 || u >= t.srcGrids[1])
                    continue;
                Tap tap;
                tap.plane = t.copyPlanes ? ringPlane(a1, u) :
                            srcPlane(v, u) + ((size_t)(y2First - t.pad[2]) * t.srcGrids[3] - t.pad[3]) * t.in;
                tap.weights = t.weights + ((size_t)a1 * t.k[1] + b1) * t.k[2] * t.weightRow;
                taps[ntaps++] = tap;
            }
    }

    // Rows of taps that meet the grid for output rows [y, y + n)
    void rowsInside(int y, int n, int& first, int& last) const
    {
        first = std::max(0, t.pad[2] - (y + n - 1));
        last = std::max(first, std::min(t.k[2], t.srcGrids[2] + t.pad[2] - y));
    }

    // Output channels [c, c + n) of the strip, n ≤ MAX_VECTORS * LANES
    void runChannels(float* dst, int c, int n)
    {
        const int vectors = n > LANES ? (int)MAX_VECTORS : 1, bufStep = dot ? 1 : vectors * LANES;
        const int maxPositions = dot && t.in != CONV4D_ALIGN ? (int)DOT_POSITIONS : ACCUMULATORS / vectors;
        const int w = t.dstGrids[3], tiles = (w + maxPositions - 1) / maxPositions;
        const int maxRows = dot ? 1 : std::max(std::min((int)MAX_ROWS, maxPositions / w), 1);
        CV_DECL_ALIGNED(64) float buf[ACCUMULATORS * LANES];
        for (int y = y2First; y < y2Last;)
        {
            const int rows = std::min(maxRows, y2Last - y);
            int a2First, a2Last;
            rowsInside(y, rows, a2First, a2Last);
            for (int tile = 0; tile < tiles; tile++)
            {
                const int x = tile * w / tiles, m = (tile + 1) * w / tiles - x;
                const TileFunc func = dot ? findDot(t.in, m) : vectors == 1 ? findTile<1>(rows, m)
                                                                            : findTile<MAX_VECTORS>(rows, m);
                func(layout, taps.data(), ntaps, (y - y2First + a2First) * layout.rowStep + x * layout.positionStep,
                     a2First * t.weightRow + c, offsets.data(), (a2Last - a2First) * rowTaps, t.bias + c, buf);
                for (int r = 0; r < rows; r++)
                    storeTile(buf + r * m * bufStep, bufStep, m, n, dst + ((size_t)(y + r) * w + x) * t.dstChannels,
                              t.dstChannels, t.relu, t.accumulate);
            }
            y += rows;
        }
    }

    const Conv4dTask& t;
    float* const scratch;
    const bool dot;     // one output channel
    const int width;    // cells in a row of a plane as the kernel reads it
    const int rowTaps;  // taps in a row of grid 2; of dotTile, vectors
    AutoBuffer<Tap, 64> taps;
    AutoBuffer<int, 512> offsets;  // of the taps (a2, channel, b2), or vectors (a2, (b2, channel)), in a plane
    PlaneLayout layout;
    int ntaps, y1, y2First, y2Last;
};

void runConv4dUnits(const Conv4dTask& task, int firstUnit, int lastUnit)
{
    AutoBuffer<float, 4096> buffer(task.scratch + CONV4D_ALIGN);
    StripConv conv(task, alignPtr(buffer.data(), CONV4D_ALIGN * sizeof(float)));
    for (int unit = firstUnit; unit < lastUnit; unit++)
    {
        const int run = unit % task.runs, strip = unit / task.runs % task.strips, y1 = unit / task.runs / task.strips;
        const int w1 = task.dstGrids[1], h2 = task.dstGrids[2];
        conv.run(y1, (int)((int64)w1 * run / task.runs), (int)((int64)w1 * (run + 1) / task.runs),
                 (int)((int64)h2 * strip / task.strips), (int)((int64)h2 * (strip + 1) / task.strips));
    }
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
