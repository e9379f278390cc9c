// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs.hpp"
#include "pairs_text.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"

namespace cv { namespace semcorr {

// Columns of one keypoint: x1, y1, x2, y2
typedef Vec4i KeypointColumns;

static void readKeypoints(ImagePair& pair, const std::vector<String>& cells, const std::vector<KeypointColumns>& keypoints,
                          float origin)
{
    for (size_t i = 0; i < keypoints.size(); i++)
    {
        float v[4];
        for (int k = 0; k < 4; k++)
            v[k] = parseCoordinate(cells[keypoints[i][k]]) - origin;
        addKeypoint(pair, Point2f(v[0], v[1]), Point2f(v[2], v[3]));
    }
}

static std::vector<KeypointColumns> keypointColumns(const CsvTable& table)
{
    std::vector<KeypointColumns> columns;
    for (int i = 1; table.findColumn(format("XA%d", i)) >= 0; i++)
        columns.push_back(KeypointColumns(table.column(format("XA%d", i)), table.column(format("YA%d", i)),
                                          table.column(format("XB%d", i)), table.column(format("YB%d", i))));
    if (columns.empty())
        table.column("XA1");  // throws
    return columns;
}

static String listOf(const PairSource& source, const String& split)
{
    const String name = split.size() > 4 && split.substr(split.size() - 4) == ".csv" ? split : split + "_pairs.csv";
    if (utils::fs::exists(name) && !utils::fs::exists(source.path(name)))
        return name;
    return source.find(std::vector<String>(1, name));
}

static void readPlainList(PairSource& source, const String& split, bool annotated)
{
    const CsvTable table(listOf(source, split));
    const int image1 = table.column("imageA"), image2 = table.column("imageB"), category = table.findColumn("category");
    const std::vector<KeypointColumns> columns = annotated ? keypointColumns(table) : std::vector<KeypointColumns>();
    for (const TextLine& row : table.rows())
        source.add(row.place, [&](ImagePair& pair) {
            const std::vector<String> cells = table.cells(row);
            readKeypoints(pair, cells, columns, 0);
            pair.category = category >= 0 ? cells[category] : folderName(cells[image1]);
            pair.id = pairId(cells[image1], cells[image2]);
            pair.image1 = source.path(cells[image1]);
            pair.image2 = source.path(cells[image2]);
        }, annotated);
}

void readCsvPairs(PairSource& source, const String& split)
{
    readPlainList(source, split, true);
}

void readImagePairs(PairSource& source, const String& split)
{
    readPlainList(source, split, false);
}

// Names of the pictures, 10 x and 10 y in the first and as many in the second; the names of the columns are not relied upon
void readPFWillowPairs(PairSource& source, const String& split)
{
    const int n = 10;
    checkSplit(split, { "test" });
    const CsvTable table(source.find({ "test_pairs.csv", "image_pairs/test_pairs.csv", "PF-dataset/test_pairs.csv" }));
    if (table.columnCount() != 2 + 4 * n)
        CV_Error(Error::StsParseError, format("the list of PF-WILLOW has %d columns, expected %d", table.columnCount(),
                                              2 + 4 * n));
    std::vector<KeypointColumns> columns;
    for (int i = 0; i < n; i++)
        columns.push_back(KeypointColumns(2 + i, 2 + n + i, 2 + 2 * n + i, 2 + 3 * n + i));
    const auto picture = [&](const String& name) {
        const String inClass = folderName(name) + "/" + fileName(name);
        return source.firstOf({ name, inClass, "PF-dataset/" + inClass });
    };
    for (const TextLine& row : table.rows())
        source.add(row.place, [&](ImagePair& pair) {
            const std::vector<String> cells = table.cells(row);
            readKeypoints(pair, cells, columns, 1);
            pair.category = folderName(cells[0]);
            pair.id = pairId(cells[0], cells[1]);
            pair.image1 = picture(cells[0]);
            pair.image2 = picture(cells[1]);
        });
}

}}
