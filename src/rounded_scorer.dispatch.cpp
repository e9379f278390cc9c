// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "rounded_scorer.hpp"

#include "rounded_scorer.simd.hpp"
#include "rounded_scorer.simd_declarations.hpp"

namespace cv { namespace semcorr {

static bool roundingPays()
{
    CV_CPU_DISPATCH(multipliesBytes, (), CV_CPU_DISPATCH_MODES_ALL);
}

static bool scoreIn(const RoundedTask& task, const Window& window, WindowBuffers& buffers, int64& sites)
{
    CV_CPU_DISPATCH(scoreRounded, (task, window, buffers, sites), CV_CPU_DISPATCH_MODES_ALL);
}

namespace {

// Rows of bytes are a quarter as long as WinogradScorer's, so that the cache allows larger windows; but there are to be several for each
// thread.
const int USUAL_ROWS = 34, USUAL_COLUMNS = 17;
const int LEAST_CELLS = 256;

class RoundedScorer CV_FINAL : public WindowedScorer
{
public:
    RoundedScorer(const RoundedPair& features, const LazyCorrelation& correlation, const ConsensusNet& net, const TwoLayers& layers,
                  size_t memory);

    void limitWorkspace(size_t bytes) CV_OVERRIDE;
    size_t workspace() const CV_OVERRIDE;

private:
    bool scoreWindow(const Window& window, WindowBuffers& buffers, int64& sites) const CV_OVERRIDE;
    void packHidden(const TwoLayers& layers);
    void packHidden(const TwoLayers& layers, int orientation, int channel);
    void packOut(const TwoLayers& layers);

    RoundedTask task;
    Mat words2;
    Mat hiddenWeights, outWeights;
    Mat hiddenScale, hiddenShift;
    Mat activation;  // {orientations, WINDOW_CHANNELS} of a byte 1
};

RoundedScorer::RoundedScorer(const RoundedPair& features, const LazyCorrelation& correlation, const ConsensusNet& net,
                             const TwoLayers& layers, size_t memory)
    : WindowedScorer(correlation, net, layers, Size(USUAL_COLUMNS, USUAL_ROWS), memory)
{
    const RoundedFeatures &rounded1 = features.first, &rounded2 = features.second;
    CV_Assert(rounded1.perWord == PER_WORD);
    const CorrelationView& v = common.correlation;
    words2 = rounded2.packed(v.groups.area(), GROUP, [&](int y, int x) { return v.groupCellOf(y, x); });
    task.words = rounded1.words.cols;
    task.words1 = rounded1.words.ptr<int>();
    task.bias1 = features.bias1.ptr<int>();
    task.words2 = words2.ptr<int>();
    task.unit = (float)(1 / (rounded1.scale * rounded2.scale));
    // no correlation is larger, before or after the mutual filter
    task.range = std::max((float)(rounded1.longest * rounded2.longest), FLT_MIN);
    packHidden(layers);
    packOut(layers);
}

void RoundedScorer::packHidden(const TwoLayers& layers)
{
    hiddenWeights = Mat::zeros(common.orientations * KERNEL_WORDS, WINDOW_CHANNELS * PER_WORD, CV_8S);
    hiddenScale = Mat::zeros(common.orientations, WINDOW_CHANNELS, CV_32F);
    hiddenShift = hiddenScale.clone();
    activation = hiddenScale.clone();
    for (int orientation = 0; orientation < common.orientations; orientation++)
        for (int c = 0; c < common.channels; c++)
            packHidden(layers, orientation, c);
    task.hiddenWeights = hiddenWeights.ptr<schar>();
    task.hiddenScale = hiddenScale.ptr<float>();
    task.hiddenShift = hiddenShift.ptr<float>();
}

void RoundedScorer::packHidden(const TwoLayers& layers, int orientation, int channel)
{
    float largest = 0, positive = 0;
    for (int i = 0; i < WINDOW_TAPS * WINDOW_TAPS; i++)
    {
        const float w = layers.weight(0, channel, i / WINDOW_TAPS, i % WINDOW_TAPS, false);
        largest = std::max(largest, std::abs(w));
        positive += std::max(w, 0.f);
    }
    const float perUnit = largest > 0 ? 127 / largest : 0;
    int sum = 0;
    for (int tap1 = 0; tap1 < WINDOW_TAPS; tap1++)
        for (int tap2 = 0; tap2 < WINDOW_TAPS; tap2++)
        {
            const schar w = saturate_cast<schar>(layers.weight(0, channel, tap1, tap2, orientation > 0) * perUnit);
            const bool interleaved = tap1 < INTERLEAVED * PER_WORD;
            const int word = interleaved ? tap1 / PER_WORD * WINDOW_TAPS + tap2 : INTERLEAVED * WINDOW_TAPS + tap2 / 3;
            const int byte = interleaved ? tap1 % PER_WORD : tap2 % 3;
            hiddenWeights.at<schar>(orientation * KERNEL_WORDS + word, channel * PER_WORD + byte) = w;
            sum += w;
        }
    // what an activation is at most, unless correlations are negative
    const float bias = layers.bias(0, channel), most = std::max(positive * task.range + bias, 0.f);
    const float bytesPerUnit = most > 0 ? 255 / most : 0;
    const float scale = largest / 127 * task.range / 127 * bytesPerUnit;
    hiddenScale.at<float>(orientation, channel) = scale;
    hiddenShift.at<float>(orientation, channel) = bias * bytesPerUnit - 128 * sum * scale;
    activation.at<float>(orientation, channel) = most / 255;
}

void RoundedScorer::packOut(const TwoLayers& layers)
{
    const int taps = WINDOW_TAPS * WINDOW_TAPS;
    float largest = 0;
    for (int orientation = 0; orientation < common.orientations; orientation++)
        for (int c = 0; c < common.channels; c++)
            for (int i = 0; i < taps; i++)
                largest = std::max(largest, std::abs(layers.weight(1, c, i / WINDOW_TAPS, i % WINDOW_TAPS, false)) *
                                            activation.at<float>(orientation, c));
    const float perUnit = largest > 0 ? 127 / largest : 0;
    outWeights = Mat::zeros(common.orientations * WINDOW_TAPS * 4 * BLOCK, WINDOW_SITES * WINDOW_CHANNELS, CV_8S);
    for (int i = 0; i < common.orientations * taps; i++)
        for (int c = 0; c < common.channels; c++)
        {
            const int orientation = i / taps, tap1 = i % taps / WINDOW_TAPS, tap2 = i % WINDOW_TAPS;
            const schar w = saturate_cast<schar>(layers.weight(1, c, tap1, tap2, orientation > 0) *
                                                 activation.at<float>(orientation, c) * perUnit);
            for (int j = 0; j < BLOCK; j++)
            {
                // of the block's 4×4 hidden sites
                const int y = tap2 / 3 + j / BLOCK_SIDE, x = tap2 % 3 + j % BLOCK_SIDE;
                const int tile = y / 2 * 2 + x / 2, site = y % 2 * 2 + x % 2;
                outWeights.at<schar>((i / WINDOW_TAPS * 4 + tile) * BLOCK + j, site * WINDOW_CHANNELS + c) = w;
            }
        }
    task.outWeights = outWeights.ptr<schar>();
    task.outScale = largest / 127;
}

void RoundedScorer::limitWorkspace(size_t bytes)
{
    const size_t held = roundedBytes(common.correlation);
    WindowedScorer::limitWorkspace(bytes - std::min(held, bytes));
}

size_t RoundedScorer::workspace() const
{
    return WindowedScorer::workspace() + roundedBytes(common.correlation);
}

bool RoundedScorer::scoreWindow(const Window& window, WindowBuffers& buffers, int64& sites) const
{
    RoundedTask whole = task;
    whole.common = common;
    return scoreIn(whole, window, buffers, sites);
}

}

bool roundsScores(const ConsensusNet& net, const Size& grid1)
{
    return grid1.area() >= LEAST_CELLS && roundingPays() && TwoLayers(net).fits;
}

Ptr<PairScorer> createRoundedScorer(const RoundedPair& features, const LazyCorrelation& correlation, const ConsensusNet& net,
                                    size_t memory)
{
    return makePtr<RoundedScorer>(features, correlation, net, TwoLayers(net), memory);
}

size_t roundedBytes(const CorrelationView& v)
{
    return (size_t)v.groups.area() * GROUP * divUp(v.channels, PER_WORD) * sizeof(int);
}

}}
