"""All functional blocks of this station."""

from collections.abc import Callable

from v2g.station.back_end.abandoned import Abandoned
from v2g.station.back_end.authorization import Authorization
from v2g.station.back_end.block import Block
from v2g.station.back_end.certificates import Certificates
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.customer import Customer
from v2g.station.back_end.data_usage import DataUsage
from v2g.station.back_end.der_block import DerControl
from v2g.station.back_end.displays import Displays
from v2g.station.back_end.external import External
from v2g.station.back_end.files import Files
from v2g.station.back_end.metering import Metering
from v2g.station.back_end.monitoring_block import Monitoring
from v2g.station.back_end.needs import Needs
from v2g.station.back_end.ocsp_block import OwnStatus
from v2g.station.back_end.publishing import Publishing
from v2g.station.back_end.security import Security
from v2g.station.back_end.tariffs import Tariffs

BLOCKS: tuple[Callable[[ChargingStation], Block], ...] = (
    Abandoned,
    Authorization,
    External,
    DerControl,
    Monitoring,
    Displays,
    Needs,
    Security,
    Metering,
    Customer,
    Certificates,
    OwnStatus,
    Files,
    Publishing,
    Tariffs,
    DataUsage,
)
