// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "backbone.hpp"

#include <climits>
#include <cstdlib>

#include "embedded.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

using cv::semcorr::FeatureNet;

namespace train {

static cv::Scalar parseChannels(const char* name, const std::string& text)
{
    const std::vector<std::string> parts = splitList(text);
    cv::Scalar values;
    bool valid = parts.size() == 3;
    for (int i = 0; i < 3 && valid; i++)
    {
        char* end = nullptr;
        values[i] = std::strtod(parts[i].c_str(), &end);
        valid = !parts[i].empty() && !*end;
    }
    if (!valid)
        CV_Error(cv::Error::StsBadArg, cv::format("--%s=%s: expected three numbers, such as 123.7,116.3,103.5", name,
                                                  cv::semcorr::printable(text).c_str()));
    return values;
}

Backbone createBackbone(const Options& options)
{
    Backbone backbone;
    FeatureNet::Params params;
    backbone.file = options.backbone;
    if (backbone.file.empty())
    {
        const cv::semcorr::EmbeddedFile file = cv::semcorr::embeddedBackbone();
        backbone.onnx.assign(file.data, file.data + file.size);
        params = FeatureNet::create()->getParams();
    }
    else
        backbone.onnx = cv::semcorr::loadBytes(backbone.file, INT_MAX);
    for (const std::string& output : splitList(options.outputs))
        params.outputs.push_back(output);
    params.longestSide = options.longestSide;
    params.inputSize = cv::Size(options.inputWidth, options.inputHeight);
    if (!options.mean.empty())
        params.mean = parseChannels("mean", options.mean);
    if (!options.deviation.empty())
    {
        const cv::Scalar deviation = parseChannels("deviation", options.deviation);
        params.scale = cv::Scalar(1 / deviation[0], 1 / deviation[1], 1 / deviation[2]);
    }
    backbone.net = backbone.file.empty() ? FeatureNet::create(backbone.onnx, params) : FeatureNet::create(backbone.file, params);
    return backbone;
}

}
