// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs.hpp"
#include "pairs_text.hpp"
#include "evaluation.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"

namespace cv { namespace semcorr {

// Whether the objects of the two pictures look in opposite directions; a missing file means no, as in the official evaluation.
static bool isFlipped(const String& filename)
{
    if (!utils::fs::exists(filename))
        return false;
    const std::vector<TextLine> lines = readLines(filename);
    const int flip = lines.size() == 1 ? parseInt(lines[0].text) : -1;
    if (flip != 0 && flip != 1)
        CV_Error(Error::StsParseError, format("\"%s\" is not as expected: one line with 0 or 1", printable(filename).c_str()));
    return flip == 1;
}

// from, to: "1", "2" or the other way round
static void readDirection(PairSource& source, const String& category, const String& folder, const String& from, const String& to)
{
    const String relative = category + "/" + fileName(folder) + "/";
    const String flow = relative + "flow" + from + ".flo";
    const String mask1 = relative + "mask" + from + ".png", mask2 = relative + "mask" + to + ".png";
    for (const String& file : { flow, mask1, mask2 })
        source.attempt(folder, [&]() { source.find({ file }); });
    source.add(folder, [&](ImagePair& pair) {
        pair.id = relative + from + "to" + to;
        pair.category = category;
        pair.image1 = source.path(relative + "image" + from + ".png");
        pair.image2 = source.path(relative + "image" + to + ".png");
        pair.flow = source.path(flow);
        pair.mask1 = source.path(mask1);
        pair.mask2 = source.path(mask2);
        pair.flip2 = isFlipped(source.path(relative + "flip_gt.txt"));
        pair.size1 = readFlowSize(pair.flow);  // the picture's size is compared with it
    });
}

void readTSSPairs(PairSource& source, const String& split)
{
    const std::vector<String> categories = { "FG3DCar", "JODS", "PASCAL" };
    std::vector<String> allowed = categories;
    allowed.push_back("");
    checkSplit(split, allowed);
    for (const String& category : categories)
    {
        if (!split.empty() && split != category)
            continue;
        std::vector<String> folders;
        utils::fs::glob(source.find({ category }), String(), folders, false, true);
        std::sort(folders.begin(), folders.end());
        for (const String& folder : folders)
        {
            if (!utils::fs::isDirectory(folder))
                continue;
            readDirection(source, category, folder, "1", "2");
            readDirection(source, category, folder, "2", "1");
        }
    }
}

}}
