// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_FEATURES_IMPL_HPP
#define OPENCV_SEMCORR_FEATURES_IMPL_HPP

#include "opencv2/semcorr/features.hpp"
#include "opencv2/dnn.hpp"
#include <climits>
#include <map>

namespace cv { namespace semcorr {

const size_t MAX_ONNX = INT_MAX;  // bytes; protobuf reads less than 2 GiB

// Throws for values out of range; called by create, setParams and the reading of model files. Whether the parameters fit the
// net is seen by running it, in FeatureNetImpl::setParams.
void checkParams(const FeatureNet::Params& params);

class FeatureNetImpl CV_FINAL : public FeatureNet
{
public:
    // onnx: content of an ONNX file; file: where it came from, empty for a net from memory
    FeatureNetImpl(const std::vector<uchar>& onnx, const String& file, const Params& params);

    void compute(InputArray image, OutputArray features) CV_OVERRIDE;
    bool computeCoarse(InputArray image, int level, OutputArray features) CV_OVERRIDE;
    Params getParams() const CV_OVERRIDE;
    void setParams(const Params& params) CV_OVERRIDE;

    // What a model file needs to hold this net
    const std::vector<uchar>& onnx() const { return bytes; }
    const String& file() const { return path; }

private:
    // Channels of the wanted outputs on one grid
    struct Planes
    {
        Mat values;  // channels × (h·w) CV_32F
        Size grid;
    };

    Size inputSize(const Size& image) const;
    void computeAt(const Mat& image, const Size& input, OutputArray features);
    std::map<String, Mat> run(const Mat& blob);
    Planes toPlanes(const Mat& output, const String& name, const Size& input, int prefixTokens) const;
    static Mat stack(const std::vector<Planes>& outputs, Size& grid);
    std::vector<Planes> wantedOutputs(const Mat& blob, const Params& params);
    void probe(const Params& params, int& stride);
    void setDevice(const Params& params);
    String title() const;

    std::vector<uchar> bytes;
    String path;
    Size exportedSize;                 // the input that the net was exported for; empty: not fixed, or unknown
    dnn::Net net;
    std::vector<String> outputNames;   // of all graph outputs, sorted
    Params params;
    bool runsCoarse;                   // whether the net takes inputs of other sizes
    int stride;                        // pixels per cell of the coarsest output: Params::stride, or found by probe
};

}}

#endif
