// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "winograd_scorer.hpp"

#include "winograd_scorer.simd.hpp"
#include "winograd_scorer.simd_declarations.hpp"

namespace cv { namespace semcorr {

static bool scoreIn(const WinogradTask& task, const Window& window, WindowBuffers& buffers, int64& sites)
{
    CV_CPU_DISPATCH(scoreWindow, (task, window, buffers, sites), CV_CPU_DISPATCH_MODES_ALL);
}

namespace {

// The halo of windows is computed twice, smaller ones balance better and keep their rows of hidden activations in a second-level
// cache.
const int USUAL_ROWS = 25, USUAL_COLUMNS = 13;

// dst[4·x + y], a row of WINDOW_CHANNELS floats apart, = (G g Gᵀ)[y][x]; g[i] = tap i of grid 2
void transformKernel(const float* g, float* dst, size_t step)
{
    static const float G[4][3] = { { 1, 0, 0 }, { .5f, .5f, .5f }, { .5f, -.5f, .5f }, { 0, 0, 1 } };
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
        {
            float sum = 0;
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    sum += G[y][i] * G[x][j] * g[i * 3 + j];
            dst[(4 * x + y) * step] = sum;
        }
}

class WinogradScorer CV_FINAL : public WindowedScorer
{
public:
    WinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const TwoLayers& layers, size_t memory);

private:
    bool scoreWindow(const Window& window, WindowBuffers& buffers, int64& sites) const CV_OVERRIDE;
    void packWeights(const TwoLayers& layers);

    Mat hiddenWeights, hiddenBias, outWeights;
};

WinogradScorer::WinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const TwoLayers& layers, size_t memory)
    : WindowedScorer(correlation, net, layers, Size(USUAL_COLUMNS, USUAL_ROWS), memory)
{
    packWeights(layers);
}

bool WinogradScorer::scoreWindow(const Window& window, WindowBuffers& buffers, int64& sites) const
{
    const WinogradTask task = { common, hiddenWeights.ptr<float>(), hiddenBias.ptr<float>(), outWeights.ptr<float>() };
    return scoreIn(task, window, buffers, sites);
}

void WinogradScorer::packWeights(const TwoLayers& layers)
{
    const int n = common.orientations;
    hiddenWeights = Mat::zeros(n * WINDOW_TILE * WINDOW_TAPS, WINDOW_CHANNELS, CV_32F);
    hiddenBias = Mat::zeros(n, WINDOW_CHANNELS, CV_32F);
    outWeights = Mat::zeros(n * WINDOW_TAPS * WINDOW_TAPS, WINDOW_CHANNELS, CV_32F);
    for (int orientation = 0; orientation < n; orientation++)
        for (int c = 0; c < common.channels; c++)
        {
            hiddenBias.at<float>(orientation, c) = layers.bias(0, c);
            for (int tap1 = 0; tap1 < WINDOW_TAPS; tap1++)
            {
                float kernel[WINDOW_TAPS];
                for (int tap2 = 0; tap2 < WINDOW_TAPS; tap2++)
                {
                    kernel[tap2] = layers.weight(0, c, tap1, tap2, orientation > 0);
                    outWeights.at<float>((orientation * WINDOW_TAPS + tap1) * WINDOW_TAPS + tap2, c) =
                        layers.weight(1, c, tap1, tap2, orientation > 0);
                }
                transformKernel(kernel, hiddenWeights.ptr<float>(orientation * WINDOW_TILE * WINDOW_TAPS + tap1) + c, WINDOW_TAPS * WINDOW_CHANNELS);
            }
        }
}

}

bool sharesHiddenSites(const ConsensusNet& net)
{
    return TwoLayers(net).fits;
}

Ptr<PairScorer> createWinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory)
{
    const TwoLayers layers(net);
    return layers.fits ? makePtr<WinogradScorer>(correlation, net, layers, memory) : Ptr<WinogradScorer>();
}

}}
