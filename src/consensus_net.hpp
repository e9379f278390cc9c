// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_CONSENSUS_NET_HPP
#define OPENCV_SEMCORR_CONSENSUS_NET_HPP

#include "opencv2/semcorr/consensus.hpp"
#include "conv4d.hpp"

namespace cv { namespace semcorr {

class PairStream;

inline Vec4i gridsOf(const Mat& volume)  // {h1, w1, h2, w2[, channels]}
{
    return Vec4i(volume.size[0], volume.size[1], volume.size[2], volume.size[3]);
}

inline Mat makeActivations(const Vec4i& grids, int channels)
{
    const int shape[] = { grids[0], grids[1], grids[2], grids[3], channels };
    return Mat(5, shape, CV_32F);
}

// What scoring a whole volume costs; from the same walk through the layers that forward makes.
struct NetCost
{
    size_t workspace;   // bytes held at a time, input and output volumes not counted
    int64 hiddenSites;  // pairs of cells with hidden activations, over layers and orientations
    double macs;        // multiply-adds
    Vec3i parts;        // into which a streamed sweep cuts: rows of grid 2, rows of grid 1, columns of grid 1
};

class ConsensusNetImpl CV_FINAL : public ConsensusNet
{
public:
    ConsensusNetImpl(int symmetry, int padding);

    void addBlock(InputArrayOfArrays weights, InputArrayOfArrays biases, bool joined) CV_OVERRIDE;
    int getBlockCount() const CV_OVERRIDE { return (int)blocks.size(); }
    void getBlock(int i, std::vector<Mat>& weights, std::vector<Mat>& biases) const CV_OVERRIDE;
    void setBlock(int i, InputArrayOfArrays weights, InputArrayOfArrays biases) CV_OVERRIDE;
    bool isJoined(int i) const CV_OVERRIDE;
    int getSymmetry() const CV_OVERRIDE { return symmetry; }
    int getPadding() const CV_OVERRIDE { return padding; }
    void setLastActivation(bool enable) CV_OVERRIDE { lastActivation = enable; }
    bool getLastActivation() const CV_OVERRIDE { return lastActivation; }
    void setResidual(double a) CV_OVERRIDE;
    double getResidual() const CV_OVERRIDE { return residual; }

    void forward(InputArray corr, OutputArray scores) const CV_OVERRIDE;
    void scorePairs(InputArray features1, InputArray features2, InputArray cells1, InputArray cells2,
                    OutputArray scores) const CV_OVERRIDE;

    bool empty() const CV_OVERRIDE { return blocks.empty(); }
    void clear() CV_OVERRIDE { blocks.clear(); }
    void write(FileStorage& fs) const CV_OVERRIDE;
    void read(const FileNode& node) CV_OVERRIDE;
    void save(const String& filename) const CV_OVERRIDE;
    String getDefaultName() const CV_OVERRIDE { return "semcorr_consensus_net"; }

    // Throws unless the net can score: at least one block, one output channel.
    void checkComplete() const;
    // Whether all pairs get the same score because some block has zero weights only, as in a preset that was not filled
    bool isConstant() const;
    // Whether it can score from plane to plane, without stored volumes: two layers that are run in one sweep, in one orientation
    bool streams() const;
    void forward(const Vec4i& grids, PairStream& stream) const;
    NetCost cost(const Vec4i& grids, bool streamed = false) const;
    // The patch that a score depends on has a side of 2·radius + 1 cells in each dimension
    Vec4i radius() const;

private:
    enum { PLAIN = 0, TRANSPOSED = 1 };  // orientation: net(c), or net(cᵀ)ᵀ with the kernels' grids swapped

    struct Block
    {
        std::vector<Conv4dLayer> convs[2];  // by orientation
        bool joined;

        int inChannels() const { return convs[PLAIN][0].inChannels(); }
        int outChannels() const;
    };

    // Blocks [first, last) that are made symmetric together
    struct Unit
    {
        int first, last;
    };

    Block makeBlock(InputArrayOfArrays weights, InputArrayOfArrays biases) const;
    void checkBlockIndex(int i) const;
    std::vector<Unit> units() const;
    bool isPair(const Unit& unit) const;
    bool isPair() const;  // whether all of the net is one
    int orientations() const { return symmetry == SYMMETRY_NONE ? 1 : 2; }
    Vec4i radius(int block, int orientation) const;
    Vec4i radius(const Unit& unit, int orientation) const;

    void runBlock(int block, int orientation, const Mat& src, const Vec4i& pad, Mat& dst, bool accumulate) const;
    void runUnit(const Unit& unit, const Mat& src, Mat& result) const;
    float scorePatch(const Mat& patch, const Vec4i& origin, const Vec4i& grids) const;

    int symmetry, padding;
    bool lastActivation;
    double residual;
    std::vector<Block> blocks;
};

}}

#endif
