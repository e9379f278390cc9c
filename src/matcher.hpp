// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_MATCHER_IMPL_HPP
#define OPENCV_SEMCORR_MATCHER_IMPL_HPP

#include "opencv2/semcorr/matcher.hpp"
#include "search.hpp"

namespace cv { namespace semcorr {

// Throws for values out of range and for what this build cannot do; called by create, setParams and the reading of files.
void checkParams(const Matcher::Params& params);

class MatcherImpl CV_FINAL : public Matcher
{
public:
    MatcherImpl(const Ptr<FeatureNet>& featureNet, const Ptr<ConsensusNet>& net, const Params& params);

    void setSelfSimilarity(InputArrayOfArrays weights, InputArrayOfArrays biases, int window) CV_OVERRIDE;
    void match(InputArray image1, InputArray image2, OutputArray flow, OutputArray confidence, InputArray mask1) CV_OVERRIDE;
    void setReference(InputArray image1) CV_OVERRIDE;
    void matchReference(InputArray image2, OutputArray flow, OutputArray confidence) CV_OVERRIDE;
    void matchFeatures(InputArray features1, InputArray features2, OutputArray field, OutputArray scores) CV_OVERRIDE;
    void transferKeypoints(InputArray image1, InputArray image2, InputArray points1, OutputArray points2,
                           OutputArray confidence) CV_OVERRIDE;
    void transferKeypointsFeatures(InputArray features1, const Size& size1, InputArray features2, const Size& size2,
                                   InputArray points1, OutputArray points2, OutputArray confidence) CV_OVERRIDE;
    void matchSparse(InputArray image1, InputArray image2, std::vector<KeyPoint>& keypoints1, std::vector<KeyPoint>& keypoints2,
                     std::vector<DMatch>& matches, int maxMatches) CV_OVERRIDE;

    Params getParams() const CV_OVERRIDE { return params; }
    void setParams(const Params& params) CV_OVERRIDE;
    Stats getStats() const CV_OVERRIDE { return stats; }
    Ptr<FeatureNet> getFeatureNet() const CV_OVERRIDE { return featureNet; }
    Ptr<ConsensusNet> getConsensusNet() const CV_OVERRIDE { return net; }
    void setProvenance(const String& text) CV_OVERRIDE;
    String getProvenance() const CV_OVERRIDE { return provenance; }

    bool empty() const CV_OVERRIDE { return false; }
    void write(FileStorage& fs) const CV_OVERRIDE;
    void read(const FileNode& node) CV_OVERRIDE;
    void save(const String& filename) const CV_OVERRIDE;
    String getDefaultName() const CV_OVERRIDE { return "semcorr_matcher"; }

private:
    // What is matched
    struct Picture
    {
        Mat features;             // h×w×C
        Mat image;                // empty if there are only features
        Size size;                // in pixels
        std::vector<Mat> coarse;  // features on coarser grids, where a search begins there
    };

    // Correspondence of two grids of cells, before it is brought to pixels
    struct Cells
    {
        Mat features1, features2;  // h×w×C
        Size grid2;
        SearchResult found;        // whole cells and their scores
        Mat field;                 // h1×w1 CV_32FC2, refined target position in cells of grid 2
        Mat confidence;            // h1×w1 CV_32F in [0, 1]; empty if not asked for

        float confidenceOf(const Point& p, const Point& target) const;
    };

    Picture picture(InputArray image, const char* name);
    void addCoarse(Picture& picture, size_t levels);
    SearchTask makeTask(const Picture& picture1, const Picture& picture2) const;
    // keep: cells of picture 1 of which a dense search keeps all scores
    Cells search(Picture& picture1, Picture& picture2, bool wantConfidence, const std::vector<int>& keep = std::vector<int>());
    void transfer(Picture& picture1, Picture& picture2, const Mat& points, OutputArray points2, OutputArray confidence);
    void toPixels(const Cells& cells, const Size& size1, const Size& size2, OutputArray flow, OutputArray confidence);
    void begin();
    void end();

    Ptr<FeatureNet> featureNet;
    Ptr<ConsensusNet> net;
    SelfSimilarity selfSimilarity;
    Params params;
    String provenance;

    Picture reference;
    Stats stats;
    TickMeter total;
};

}}

#endif
