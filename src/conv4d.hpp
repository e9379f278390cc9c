// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_CONV4D_HPP
#define OPENCV_SEMCORR_CONV4D_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

enum { CONV4D_ALIGN = 16 };  // floats in the widest vector of any instruction set

// One call of Conv4dLayer::apply as its kernel sees it. "B plane": the {h2, w2} cells of one cell of grid 1.
// Work units: (row of grid 1, strip of rows of grid 2, run of cells along w1), the last fastest.
struct Conv4dTask
{
    Vec4i srcGrids, dstGrids, k, pad;
    int in, out;
    const float* src;      // {srcGrids, in}
    float* dst;            // {dstGrids, dstChannels}, at the first channel to write
    int dstChannels;
    const float* bias;     // out values, then zeros up to a multiple of CONV4D_ALIGN
    const float* weights;  // {kh1, kw1, kh2, weightRow}
    size_t weightRow;      // {in, kw2, out}, out rounded up to CONV4D_ALIGN; with one output {kw2, in}, rounded up likewise
    bool relu, accumulate;

    bool copyPlanes;       // whether the kernel reads padded or transposed copies of the planes
    int strips, runs;
    size_t planeSize;      // floats of one copied strip of a plane
    size_t scratch;        // floats per thread: kh1 * kw1 strips, if copied
};

// One 4D convolution, ready to run. Inside the module activations are 5-D CV_32F Mats {h1, w1, h2, w2, channels}, channels
// last and continuous; with one channel that is the public 4D volume itself.
class Conv4dLayer
{
public:
    // weights {out, in, kh1, kw1, kh2, kw2}, bias of `out` values or empty (zeros); both checked by the caller
    Conv4dLayer(const Mat& weights, const Mat& bias);

    // The layer whose kernel has its two grids swapped: transposed()(x) = (*this)(xᵀ)ᵀ
    Conv4dLayer transposed() const;

    int inChannels() const { return in; }
    int outChannels() const { return out; }
    Vec4i kernel() const { return k; }                 // kh1, kw1, kh2, kw2
    const Mat& weights() const { return weights6d; }   // as given
    const Mat& bias() const { return biases; }         // `out` × 1

    // dst(…, channel … channel + out) [+]= conv(src padded by `pad` zeros on both sides of each dimension) + bias, then ReLU.
    // src  {h1, w1, h2, w2, in};  pad  may be negative (crops);  dst  {h1 + 2·pad − k + 1, …, C}, allocated, C ≥ channel + out
    // accumulate: add to what dst holds (the ReLU is applied to this layer's value before the sum)
    // Bit-identical for any number of threads.
    void apply(const Mat& src, const Vec4i& pad, Mat& dst, int channel, bool relu, bool accumulate) const;

    // Upper bound of the scratch memory of one apply() that gives an output of these grids, in bytes
    size_t scratchBytes(const Vec4i& dstGrids) const;

private:
    void plan(Conv4dTask& task) const;

    int in, out;
    Vec4i k;
    Mat weights6d, biases;
    Mat packedWeights, packedBias;  // in the order the kernel reads them, see Conv4dTask
};

}}

#endif
