// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "checks.hpp"
#include "conv4d.hpp"

#include "conv4d.simd.hpp"
#include "conv4d.simd_declarations.hpp"

namespace cv { namespace semcorr {

// Copied strips of one thread should leave room for weights in a second-level cache of 1–2 MB
static const size_t SCRATCH_FLOATS = 128 * 1024;
// Below this many multiplications the work is not shared among threads
static const double MIN_PARALLEL_WORK = 1e5;

Conv4dLayer::Conv4dLayer(const Mat& weights, const Mat& bias)
    : in(weights.size[1]), out(weights.size[0]), k(weights.size[2], weights.size[3], weights.size[4], weights.size[5]),
      weights6d(weights)
{
    biases = bias.empty() ? Mat(Mat::zeros(out, 1, CV_32F)) : bias.reshape(1, out);
    Conv4dTask task;
    plan(task);
    const int outs = (int)alignSize(out, CONV4D_ALIGN), rows = k[0] * k[1] * k[2];
    packedBias = Mat::zeros(1, outs, CV_32F);
    transpose(biases, packedBias.colRange(0, out));
    packedWeights = Mat::zeros(rows, (int)task.weightRow, CV_32F);
    const int step = out == 1 ? 1 : k[3] * outs, tapStep = out == 1 ? in : outs;  // of an input channel, of a tap of a row
    const float* src = weights6d.ptr<float>();
    for (int o = 0; o < out; o++)
        for (int c = 0; c < in; c++)
            for (int row = 0; row < rows; row++)
                for (int b2 = 0; b2 < k[3]; b2++)
                    packedWeights.ptr<float>(row)[c * step + b2 * tapStep + o] = *src++;
}

Conv4dLayer Conv4dLayer::transposed() const
{
    const int shape[] = { out, in, k[2], k[3], k[0], k[1] };
    Mat swapped(6, shape, CV_32F);
    const int n1 = k[0] * k[1], n2 = k[2] * k[3];
    for (int i = 0; i < out * in; i++)
    {
        const Mat from(n1, n2, CV_32F, const_cast<float*>(weights6d.ptr<float>()) + (size_t)i * n1 * n2);
        Mat to(n2, n1, CV_32F, swapped.ptr<float>() + (size_t)i * n1 * n2);
        transpose(from, to);
    }
    return Conv4dLayer(swapped, biases);
}

// What follows from the layer alone
void Conv4dLayer::plan(Conv4dTask& task) const
{
    task.k = k;
    task.in = in;
    task.out = out;
    const size_t row = (size_t)k[3] * in;
    task.weightRow = out == 1 ? alignSize(row, CONV4D_ALIGN) : row * alignSize(out, CONV4D_ALIGN);
}

// Needs dstGrids and copyPlanes
static void planStrips(Conv4dTask& task)
{
    const int h2 = task.dstGrids[2], ring = task.k[0] * task.k[1], border = task.k[2] - 1;
    const size_t row = (size_t)(task.dstGrids[3] + task.k[3] - 1) * task.in;
    const int fitting = (int)std::min<size_t>(SCRATCH_FLOATS / (ring * row), INT_MAX) - border;
    const int stripRows = task.copyPlanes ? std::min(std::max(fitting, 1), h2) : h2;
    task.strips = (h2 + stripRows - 1) / stripRows;
    task.planeSize = alignSize((stripRows + border) * row + CONV4D_ALIGN, CONV4D_ALIGN);
    task.scratch = task.copyPlanes ? ring * task.planeSize : 0;
}

size_t Conv4dLayer::scratchBytes(const Vec4i& dstGrids) const
{
    Conv4dTask task;
    plan(task);
    task.dstGrids = dstGrids;
    task.copyPlanes = true;
    planStrips(task);
    return (task.scratch + CONV4D_ALIGN) * sizeof(float) * std::max(getNumThreads(), 1);
}

static void runUnits(const Conv4dTask& task, int firstUnit, int lastUnit)
{
    CV_CPU_DISPATCH(runConv4dUnits, (task, firstUnit, lastUnit), CV_CPU_DISPATCH_MODES_ALL);
}

void Conv4dLayer::apply(const Mat& src, const Vec4i& pad, Mat& dst, int channel, bool relu, bool accumulate) const
{
    Conv4dTask task;
    plan(task);
    double work = (double)in * out;
    for (int d = 0; d < 4; d++)
    {
        task.srcGrids[d] = src.size[d];
        task.dstGrids[d] = dst.size[d];
        CV_DbgAssert(dst.size[d] == src.size[d] + 2 * pad[d] - k[d] + 1);
        work *= (double)dst.size[d] * k[d];
    }
    task.pad = pad;
    task.src = src.ptr<float>();
    task.dst = dst.ptr<float>() + channel;
    task.dstChannels = (int)(dst.total() / ((size_t)dst.size[0] * dst.size[1] * dst.size[2] * dst.size[3]));
    task.bias = packedBias.ptr<float>();
    task.weights = packedWeights.ptr<float>();
    task.relu = relu;
    task.accumulate = accumulate;
    const bool direct = out == 1 ? k[3] * in % CONV4D_ALIGN == 0 : in == 1;
    task.copyPlanes = !direct || pad[2] > 0 || pad[3] > 0;
    planStrips(task);

    const int stripCount = task.dstGrids[0] * task.strips, threads = work < MIN_PARALLEL_WORK ? 1 : getNumThreads();
    task.runs = threads > 1 ? std::min((4 * threads + stripCount - 1) / stripCount, task.dstGrids[1]) : 1;
    const int units = stripCount * task.runs;
    if (threads > 1)
        parallel_for_(Range(0, units), [&](const Range& range) { runUnits(task, range.start, range.end); });
    else
        runUnits(task, 0, units);
}

// {channels, grids…} ⇄ {grids…, channels}: one matrix transposition. There are at most INT_MAX sites, see getFloats.
static void swapChannels(const Mat& src, Mat& dst, int srcRows)
{
    const int srcCols = (int)(src.total() / srcRows);
    const Mat from(srcRows, srcCols, CV_32F, const_cast<float*>(src.ptr<float>()));
    Mat to(srcCols, srcRows, CV_32F, dst.ptr<float>());
    transpose(from, to);
}

void conv4d(InputArray src_, InputArray weights_, InputArray bias_, OutputArray dst_, int padding)
{
    CV_INSTRUMENT_REGION();
    checkEnum(padding, CONV_VALID, "padding", "CONV_SAME (0) or CONV_VALID (1)");
    const Mat src = getActivations(src_, "src");
    const std::vector<Mat> weights = getFloatMats(weights_, "weights"), bias = getFloatMats(bias_, "bias");
    if (weights.size() != 1)
        CV_Error(Error::StsBadArg, format("weights holds %d arrays, expected one", (int)weights.size()));
    const Mat& w = weights[0];
    checkKernel4d(w, "weights");
    if (w.size[1] != src.size[0])
        CV_Error(Error::StsUnmatchedSizes, format("src has %d channels and weights takes %d, expected as many", src.size[0],
                                                  w.size[1]));
    if (!bias.empty() && (bias.size() != 1 || bias[0].total() * bias[0].channels() != (size_t)w.size[0]))
        CV_Error(Error::StsUnmatchedSizes, format("bias is %s, expected %d values", shapeOf(bias[0]).c_str(), w.size[0]));

    int srcShape[5], dstShape[5], dstPublic[5];
    Vec4i pad(0, 0, 0, 0);
    for (int d = 0; d < 4; d++)
    {
        srcShape[d] = src.size[d + 1];
        pad[d] = padding == CONV_SAME ? w.size[d + 2] / 2 : 0;
        dstPublic[d + 1] = dstShape[d] = srcShape[d] + 2 * pad[d] - w.size[d + 2] + 1;
        if (dstShape[d] < 1)
            CV_Error(Error::StsBadSize, format("src is %s, expected grids of at least the kernel's size, weights is %s",
                                               shapeOf(src).c_str(), shapeOf(w).c_str()));
    }
    srcShape[4] = w.size[1];
    dstPublic[0] = dstShape[4] = w.size[0];

    Mat x = src, y(5, dstShape, CV_32F);
    if (srcShape[4] > 1)
    {
        x = Mat(5, srcShape, CV_32F);
        swapChannels(src, x, srcShape[4]);
    }
    else
        x = src.reshape(1, 5, srcShape);
    Conv4dLayer(w, bias.empty() ? Mat() : bias[0]).apply(x, pad, y, 0, false, false);
    Mat dst(5, dstPublic, CV_32F);
    swapChannels(y, dst, (int)(y.total() / dstShape[4]));
    dst.copyTo(dst_);
}

}}
